-- question: for how many millionths of a credit is a row of Cortex usage billed?
-- grain: landed row × unit
-- sources: landed (format snowflake_cortex)
-- owner: sources
SELECT
    row_ordinal,
    'microcredits' AS unit,
    CAST(credits AS DECIMAL(30, 12)) * CAST(1000000 AS DECIMAL(7, 0)) AS quantity
FROM landed
WHERE credits <> 0
