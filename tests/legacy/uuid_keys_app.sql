-- A customer's visit as the marketplace's own code makes it, in its own columns; ":token" is the visit's own UUID.
BEGIN;
INSERT INTO projects (id, owner_id, name, subdomain, status) VALUES (':token', ':token', 'Neu', 'n-:token', 'new');
INSERT INTO licenses (id, project_id, plugin_id, status)
VALUES (':token', ':token', '00000000-0000-4000-8000-000000000002', 'pending');
INSERT INTO license_history (id, license_id, event) VALUES (':token', ':token', 'ordered');
UPDATE projects SET status = 'paid' WHERE id = ':token';
COMMIT;
UPDATE projects SET name = name || '!' WHERE subdomain = 'p' || (1 + abs(hashtext(':token')) % 2000);
SELECT 1 / count(*) FROM projects p JOIN licenses l ON l.project_id = p.id WHERE p.id = ':token' AND p.status = 'paid';
UPDATE licenses SET status = 'active' WHERE project_id = ':token';
DELETE FROM licenses WHERE id = ':token';
DELETE FROM projects WHERE id = ':token';
