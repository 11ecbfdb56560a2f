-- question: Are the names of sellers there, by which the rows of FOCUS are told?
-- grain: one row
-- sources: core_sellers
-- owner: exports
SELECT COUNT(*) AS seller_count
FROM core_sellers
