-- question: Who looks after each alert, what keeps it back, and which others came in one message with it?
-- grain: episode_id
-- sources: core_alert_episodes, core_alert_acknowledgements, core_alert_silences, core_alert_deliveries
-- owner: dashboard
WITH openings AS (
    SELECT
        episode_id,
        MAX(created_at) AS opened_at
    FROM core_alert_deliveries
    WHERE kind IN ('fire', 'correct')
    GROUP BY episode_id
),

-- What was said before an alert was opened again no longer holds.
acknowledged AS (
    SELECT
        core_alert_acknowledgements.episode_id,
        core_alert_acknowledgements.acknowledged_at,
        core_alert_acknowledgements.acknowledged_by,
        core_alert_acknowledgements.note,
        ROW_NUMBER() OVER (
            PARTITION BY core_alert_acknowledgements.episode_id
            ORDER BY core_alert_acknowledgements.acknowledged_at DESC
        ) AS place
    FROM core_alert_acknowledgements
    INNER JOIN core_alert_episodes ON core_alert_acknowledgements.episode_id = core_alert_episodes.episode_id
    LEFT JOIN openings ON core_alert_acknowledgements.episode_id = openings.episode_id
    WHERE core_alert_acknowledgements.acknowledged_at >= COALESCE(openings.opened_at, core_alert_episodes.fired_at)
),

messages AS (
    SELECT
        episode_id,
        group_id,
        ROW_NUMBER() OVER (PARTITION BY episode_id ORDER BY created_at DESC, sequence_number DESC, group_id) AS place
    FROM core_alert_deliveries
    WHERE group_id IS NOT NULL
),

group_sizes AS (
    SELECT
        group_id,
        COUNT(DISTINCT episode_id) AS episode_count
    FROM core_alert_deliveries
    WHERE group_id IS NOT NULL
    GROUP BY group_id
)

SELECT
    core_alert_episodes.episode_id,
    acknowledged.acknowledged_at,
    acknowledged.acknowledged_by,
    acknowledged.note AS acknowledgement_note,
    core_alert_episodes.kept_back_by,
    core_alert_silences.reason AS silence_reason,
    core_alert_silences.created_by AS silence_created_by,
    core_alert_silences.ends_at AS silence_ends_at,
    messages.group_id,
    group_sizes.episode_count AS group_size
FROM core_alert_episodes
LEFT JOIN acknowledged
    ON core_alert_episodes.episode_id = acknowledged.episode_id AND acknowledged.place = 1
LEFT JOIN core_alert_silences
    ON core_alert_episodes.kept_back_by = 'silence/' || core_alert_silences.silence_id
LEFT JOIN messages
    ON core_alert_episodes.episode_id = messages.episode_id AND messages.place = 1
LEFT JOIN group_sizes ON messages.group_id = group_sizes.group_id
WHERE
    acknowledged.episode_id IS NOT NULL
    OR core_alert_episodes.kept_back_by IS NOT NULL
    OR messages.group_id IS NOT NULL
