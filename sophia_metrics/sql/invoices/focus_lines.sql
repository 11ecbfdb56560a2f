-- question: which lines does a FOCUS file have, in our words?
-- grain: one row a row of the file
-- sources: focus_rows
-- owner: invoices
WITH texts AS (
    SELECT
        row_number,
        trim(provider_name) AS provider_name,
        coalesce(nullif(trim(sub_account_id), ''), nullif(trim(billing_account_id), '')) AS account_id,
        nullif(trim(billing_period_start), '') AS billing_period_text,
        nullif(trim(charge_period_start), '') AS start_text,
        nullif(trim(charge_period_end), '') AS end_text,
        nullif(trim(told_model), '') AS told_model,
        coalesce(nullif(trim(sku_meter), ''), nullif(trim(sku_id), ''), nullif(trim(sku_price_id), '')) AS sku,
        nullif(trim(charge_description), '') AS description,
        coalesce(nullif(trim(consumed_quantity), ''), nullif(trim(pricing_quantity), '')) AS quantity_text,
        coalesce(nullif(trim(consumed_unit), ''), nullif(trim(pricing_unit), '')) AS unit,
        nullif(regexp_replace(billed_cost, '[$,\s]', '', 'g'), '') AS cost_text,
        nullif(upper(trim(billing_currency)), '') AS currency,
        trim(charge_category) AS charge_category,
        lower(coalesce(trim(service_category), '')) AS service_category,
        lower(
            concat_ws(
                ' ', sku_meter, sku_id, sku_price_id, resource_id, resource_name, charge_description, told_model
            )
        ) AS told,
        dimensions
    FROM focus_rows
),

parsed AS (
    SELECT
        row_number,
        CASE
            WHEN regexp_matches(lower(provider_name), 'open\s?ai') AND NOT contains(lower(provider_name), 'azure')
                THEN 'openai'
            WHEN contains(lower(provider_name), 'anthropic') THEN 'anthropic'
            WHEN regexp_matches(lower(provider_name), 'azure|microsoft') THEN 'azure'
            WHEN regexp_matches(lower(provider_name), '\b(aws|amazon)\b') THEN 'aws'
            WHEN contains(lower(provider_name), 'google') THEN 'google'
            ELSE nullif(lower(regexp_replace(provider_name, '\s+', '_', 'g')), '')
        END AS provider,
        account_id,
        -- American dates first: a cast takes 4/1/25 for a day of the year 4.
        coalesce(
            try_strptime(billing_period_text, ['%m/%d/%y', '%m/%d/%Y']),
            CAST(try_cast(billing_period_text AS TIMESTAMPTZ) AS TIMESTAMP)
        ) AS billing_period_at,
        coalesce(
            try_strptime(start_text, ['%m/%d/%y', '%m/%d/%Y']), CAST(try_cast(start_text AS TIMESTAMPTZ) AS TIMESTAMP)
        ) AS charge_start_at,
        coalesce(
            try_strptime(end_text, ['%m/%d/%y', '%m/%d/%Y']), CAST(try_cast(end_text AS TIMESTAMPTZ) AS TIMESTAMP)
        ) AS charge_end_at,
        coalesce(
            lower(told_model),
            nullif(
                regexp_extract(
                    told,
                    '((gpt|chatgpt|claude|gemini|gemma|llama|mistral|mixtral|codestral|deepseek|grok|command|nova|titan|qwen|text-embedding|whisper|tts|dall-e)-[a-z0-9]+([.\-][a-z0-9]+)*|\bo[1-9](-(mini|pro|preview|deep-research))*\b)'
                ),
                ''
            )
        ) AS model,
        sku,
        description,
        try_cast(replace(quantity_text, ',', '') AS DECIMAL(38, 6)) AS quantity,
        quantity_text,
        unit,
        cost_text,
        CASE
            WHEN starts_with(cost_text, '(') AND ends_with(cost_text, ')')
                THEN -try_cast(cost_text[2:-2] AS DECIMAL(38, 12))
            ELSE try_cast(cost_text AS DECIMAL(38, 12))
        END AS billed_cost,
        currency,
        charge_category,
        CASE
            WHEN regexp_matches(told, 'web[ _-]?search') THEN 'web_search'
            WHEN regexp_matches(told, 'code[ _-]?(execution|interpreter)') THEN 'code_execution'
            WHEN regexp_matches(told, 'file[ _-]?search') THEN 'file_search'
            WHEN contains(lower(coalesce(unit, '')), 'token') THEN 'tokens'
        END AS cost_type,
        nullif(regexp_extract(told, '\b(batch|flex|priority|provisioned)\b'), '') AS service_tier,
        service_category,
        dimensions
    FROM texts
)

SELECT
    row_number,
    CASE
        WHEN provider IS NULL THEN 'ProviderName is empty'
        WHEN charge_start_at IS NULL OR charge_start_at < TIMESTAMP '2015-01-01'
            THEN 'ChargePeriodStart is no date since 2015'
        WHEN charge_end_at IS NULL OR charge_end_at <= charge_start_at
            THEN 'ChargePeriodEnd is no date after ChargePeriodStart'
        WHEN billed_cost IS NULL THEN 'BilledCost is no amount'
        WHEN currency IS NULL THEN 'BillingCurrency is empty'
        WHEN quantity_text IS NOT NULL AND quantity IS NULL THEN 'ConsumedQuantity or PricingQuantity is no number'
        WHEN charge_category NOT IN ('Usage', 'Purchase', 'Tax', 'Credit', 'Adjustment')
            THEN 'ChargeCategory is none of Usage, Purchase, Tax, Credit, Adjustment'
    END AS finding,
    provider,
    account_id,
    CAST(billing_period_at AS DATE) AS billing_period_start,
    charge_start_at,
    charge_end_at,
    model,
    sku,
    description,
    quantity,
    unit,
    billed_cost,
    currency,
    charge_category,
    charge_category IN ('Usage', 'Credit', 'Adjustment')
    AND (model IS NOT NULL OR cost_type IS NOT NULL OR service_category IN ('', 'ai and machine learning'))
        AS is_usage,
    cost_type,
    service_tier,
    dimensions
FROM parsed
