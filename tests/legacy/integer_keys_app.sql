-- A customer's visit as the shop's own code makes it, in its own columns; ":token" is the visit's own.
BEGIN;
INSERT INTO projects (customer_id, name, slug) VALUES (7, 'Laden :token', ':token');
INSERT INTO licenses (project_id, plugin, valid_until)
SELECT p.id, price.plugin, '2030-01-01' FROM projects p, plugin_prices price WHERE p.slug = ':token';
UPDATE projects SET status = 'active' WHERE slug = ':token';
UPDATE licenses SET status = 'active' WHERE project_id = (SELECT id FROM projects WHERE slug = ':token');
INSERT INTO license_history (license_id, new_status)
SELECT l.id, l.status FROM licenses l JOIN projects p ON p.id = l.project_id WHERE p.slug = ':token';
COMMIT;
UPDATE projects SET status = 'closed' WHERE id = 1 + abs(hashtext(':token')) % 3000;
SELECT 1 / count(*) FROM projects p JOIN licenses l ON l.project_id = p.id
WHERE p.slug = ':token' AND p.updated_at > p.created_at - interval '1 day' AND l.status = 'active';
DELETE FROM projects WHERE slug = ':token';
INSERT INTO projects VALUES (DEFAULT, 3, 'Laden', 'bleibt-:token');
