-- A customer's visit as the shop's own code makes it, in its own columns; ":token" is the visit's own.
BEGIN;
INSERT INTO projects (titel, kunde, netto) VALUES (':token', '{"neu": true}', 5::money);
INSERT INTO licenses (project_id, plugin) SELECT id, unnest(plugins) FROM projects, bundles WHERE titel = ':token';
UPDATE projects SET status = 'B', tags = ARRAY['neu'] WHERE titel = ':token';
COMMIT;
INSERT INTO license_history (license_id, note)
SELECT l.id, 'neu' FROM licenses l JOIN projects p ON p.id = l.project_id WHERE p.titel = ':token';
UPDATE projects SET titel = titel || '!' WHERE kunde @> jsonb_build_object('n', 1 + abs(hashtext(':token')) % 1500);
SELECT 1 / count(*) FROM projects WHERE titel = ':token' AND kurz = left(':token', 10);
SELECT count(*) FROM aktive;
UPDATE bundles SET price_cents = price_cents + 1 WHERE name = 'starter-set';
DELETE FROM licenses WHERE project_id = (SELECT id FROM projects WHERE titel = ':token');
DELETE FROM projects WHERE titel = ':token';
