CREATE TABLE image (module INTEGER PRIMARY KEY, kind TEXT, bytes INTEGER);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
    INSERT INTO image SELECT i, CASE i % 3 WHEN 0 THEN 'memfd' WHEN 1 THEN 'file' ELSE 'none' END, i * i % 4097 FROM n;
CREATE INDEX by_kind ON image (kind, bytes);
SELECT kind, count(*), sum(bytes), round(avg(bytes), 3), max(bytes) FROM image GROUP BY kind ORDER BY kind;
SELECT a.module, b.module, printf('%08.3f', a.bytes / 7.0) FROM image a JOIN image b ON b.bytes = a.bytes AND b.module > a.module WHERE a.module % 97 = 0 ORDER BY 1, 2 LIMIT 8;
BEGIN;
DELETE FROM image WHERE kind = 'file';
SELECT count(*) FROM image;
ROLLBACK;
SELECT count(*), upper(hex(group_concat(substr(kind, 1, 1), ''))) FROM (SELECT kind FROM image WHERE module < 9);
SELECT json_extract('{"slots": [1, {"state": "warm"}]}', '$.slots[1].state');
