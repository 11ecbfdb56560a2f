-- question: which lines does a bill have, each with its id and its cost in dollars?
-- grain: one row a line
-- sources: given, fx_rates
-- owner: invoices
WITH keyed AS (
    SELECT
        given.provider,
        given.account_id,
        given.billing_period_start,
        given.charge_start_at,
        given.charge_end_at,
        given.model,
        given.sku,
        given.description,
        given.quantity,
        given.unit,
        given.billed_cost,
        given.currency,
        given.charge_category,
        given.is_usage,
        given.cost_type,
        given.service_tier,
        given.dimensions,
        CASE
            WHEN upper(given.currency) = 'USD' THEN CAST(1 AS DECIMAL(38, 18))
            ELSE fx_rates.rate
        END AS fx_rate,
        CAST(
            to_json(
                [
                    $source, given.provider, given.account_id, strftime(given.charge_start_at, '%Y-%m-%dT%H:%M:%S.%f'),
                    given.model, given.sku, given.description, given.unit, given.currency, given.charge_category,
                    given.cost_type, given.service_tier, given.dimensions
                ]
            ) AS VARCHAR
        ) AS line_key
    FROM given
    LEFT JOIN fx_rates ON upper(given.currency) = fx_rates.currency
)

SELECT
    sha256(
        line_key || ' '
        || row_number() OVER (PARTITION BY line_key ORDER BY charge_end_at, quantity, billed_cost)
    ) AS line_id,
    $source AS source,
    provider,
    account_id,
    billing_period_start,
    charge_start_at,
    charge_end_at,
    model,
    sku,
    description,
    quantity,
    unit,
    billed_cost,
    upper(currency) AS currency,
    CASE
        WHEN fx_rate = 1 THEN billed_cost
        ELSE CAST(CAST(billed_cost AS DECIMAL(22, 10)) * CAST(fx_rate AS DECIMAL(16, 12)) AS DECIMAL(38, 12))
    END AS billed_cost_usd,
    charge_category,
    is_usage,
    cost_type,
    service_tier,
    dimensions,
    $file_name AS file_name,
    date_trunc('day', charge_end_at - INTERVAL 1 MICROSECOND) + INTERVAL 1 DAY
    + to_seconds($settling_seconds) AS settles_at,
    CAST($now AS TIMESTAMP) AS read_at
FROM keyed
