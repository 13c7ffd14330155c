-- Grown by hand: bundles, German and shortened column names, odd types, a view, a generated column, a partial index.
CREATE TABLE project_types (code char(4) PRIMARY KEY, caption text, meta jsonb NOT NULL DEFAULT '{}');
CREATE TABLE projects (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    titel text,
    status char(1) NOT NULL DEFAULT 'A',
    kunde jsonb NOT NULL DEFAULT '{}',
    netto money,
    kurz text GENERATED ALWAYS AS (left(titel, 10)) STORED,
    tags text[],
    angelegt timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX ix_projects_step_due ON projects (angelegt) WHERE status = 'A';
CREATE VIEW aktive AS SELECT * FROM projects WHERE status = 'A';
CREATE TABLE licenses (
    id bigserial PRIMARY KEY,
    project_id integer NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    plugin text,
    product_code varchar(12),
    state smallint NOT NULL DEFAULT 0
);
CREATE TABLE license_history (id bigserial, license_id bigint REFERENCES licenses (id) ON DELETE CASCADE, note text);
CREATE TABLE plugin_prices (sku text, betrag numeric, waehrung char(3));
CREATE TABLE bundles (name text PRIMARY KEY, label text, price_cents integer, plugins text[]);

INSERT INTO project_types VALUES ('shop', 'Laden', '{"a": 1}');
INSERT INTO projects (titel, kunde, netto, tags)
SELECT 'Straßencafé ' || n, jsonb_build_object('n', n), n::money, ARRAY['x', 'ß'] FROM generate_series(1, 1500) n;
INSERT INTO licenses (project_id, plugin, state) SELECT id, 'reviews', 1 FROM projects WHERE id % 3 = 0;
INSERT INTO licenses (project_id, product_code) SELECT id, 'RV-1' FROM projects WHERE id % 3 = 1;
INSERT INTO license_history (license_id, note) SELECT id, 'alt' FROM licenses;
INSERT INTO plugin_prices VALUES ('RV-1', 9.90, 'EUR'), (NULL, NULL, NULL);
INSERT INTO bundles VALUES ('starter-set', 'Starter', 2900, ARRAY['reviews', 'catalogue']);
