-- question: what else did an event of our own format use that is billed beside the five token columns?
-- grain: landed row × unit
-- sources: landed (format events)
-- owner: sources
WITH entries AS (
    SELECT
        row_ordinal,
        unnest(map_entries(units)) AS entry
    FROM landed
    WHERE cardinality(units) > 0
)
SELECT
    row_ordinal,
    entry."key" AS unit,
    entry."value" AS quantity
FROM entries
WHERE entry."value" <> 0
