-- question: Where does writing to the prompt cache cost more than reading from it saves?
-- grain: usage_on, provider, model, team
-- sources: mart_cost_daily
-- owner: suggestions
SELECT
    usage_on,
    provider,
    model,
    team,
    CAST(SUM(request_count) AS BIGINT) AS call_count,
    CAST(SUM(COALESCE(cache_read_tokens, 0)) AS BIGINT) AS cache_read_tokens,
    CAST(SUM(COALESCE(cache_write_tokens, 0)) AS BIGINT) AS cache_write_tokens,
    SUM(CAST(COALESCE(cost_usd, 0) AS DECIMAL(38, 12))) AS cost_usd,
    SUM(CAST(COALESCE(prompt_cache_saving_usd, 0) AS DECIMAL(38, 12))) AS prompt_cache_saving_usd
FROM mart_cost_daily
WHERE usage_on BETWEEN $first_on AND $last_on
GROUP BY usage_on, provider, model, team
HAVING SUM(COALESCE(cache_write_tokens, 0)) > 0 OR SUM(COALESCE(cache_read_tokens, 0)) > 0
