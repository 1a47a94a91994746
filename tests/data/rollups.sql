-- How many rows of both roll-ups are not the sums of the requests, or are missing: 0.
WITH facts AS (
  SELECT start_us / 3600000000 AS hour, ifnull(provider, '') AS provider,
    ifnull(model, '') AS model, ifnull(route, '') AS route,
    ifnull(template, '') AS template, ifnull(project, '') AS project,
    ifnull(client, '') AS client, kind, outcome,
    n_attempts, cost_pico, estimated OR cost_source = 'estimated' AS is_estimate,
    ifnull(input, 0) + ifnull(cache_read, 0) + ifnull(cache_write_5m, 0) +
      ifnull(cache_write_30m, 0) + ifnull(cache_write_1h, 0) +
      ifnull(cache_write_12h, 0) AS input_tok,
    ifnull(cache_read, 0) AS cached_tok,
    ifnull(output, 0) + ifnull(reasoning, 0) AS output_tok,
    ifnull(reasoning, 0) AS reasoning_tok
  FROM requests),
by_status AS (
  SELECT hour, provider, model, outcome AS status,
    count(*), sum(outcome != 'ok'), sum(cost_pico IS NULL),
    sum(cost_pico IS NOT NULL AND is_estimate), sum(n_attempts), sum(input_tok),
    sum(cached_tok), sum(output_tok), sum(reasoning_tok), ifnull(sum(cost_pico), 0)
  FROM facts GROUP BY hour, provider, model, status),
by_dim AS (
  SELECT hour, provider, model, route, template, project, client, kind,
    count(*), sum(outcome != 'ok'), sum(cost_pico IS NULL),
    sum(cost_pico IS NOT NULL AND is_estimate), sum(n_attempts), sum(input_tok),
    sum(cached_tok), sum(output_tok), sum(reasoning_tok), ifnull(sum(cost_pico), 0)
  FROM facts GROUP BY hour, provider, model, route, template, project, client, kind)
SELECT (SELECT count(*) FROM (SELECT * FROM by_status EXCEPT SELECT * FROM rollup_hour)) +
  (SELECT count(*) FROM (SELECT * FROM rollup_hour EXCEPT SELECT * FROM by_status)) +
  (SELECT count(*) FROM (SELECT * FROM by_dim EXCEPT SELECT * FROM rollup_hour_dim)) +
  (SELECT count(*) FROM (SELECT * FROM rollup_hour_dim EXCEPT SELECT * FROM by_dim));
