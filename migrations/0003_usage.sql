-- What a key, or an address where keys are not asked for, has submitted on a day; written only while
-- a quota is set.
CREATE TABLE usage (
    payer TEXT   NOT NULL,
    -- Days since 1970-01-01 UTC.
    day   BIGINT NOT NULL,
    jobs  BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    PRIMARY KEY (payer, day)
);
