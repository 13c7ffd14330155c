-- A shop that grew: integer keys, states as strings, times without a zone, a trigger that stamps each update.
CREATE TABLE customers (id serial PRIMARY KEY, email varchar(255) NOT NULL UNIQUE);
CREATE TABLE project_types (
    id serial PRIMARY KEY,
    name varchar(100) NOT NULL UNIQUE,
    image varchar(255),  -- a picture for the catalogue
    description text DEFAULT ''
);
CREATE TABLE projects (
    id serial PRIMARY KEY,
    customer_id integer NOT NULL REFERENCES customers (id),
    name varchar(200) NOT NULL,
    slug varchar(63) NOT NULL UNIQUE,
    status varchar(20) NOT NULL DEFAULT 'draft',
    project_type_id integer REFERENCES project_types (id),
    created_at timestamp NOT NULL DEFAULT now(),
    updated_at timestamp NOT NULL DEFAULT '2019-01-01'
);
CREATE INDEX ix_projects_status ON projects (status);
CREATE TABLE licenses (
    id serial PRIMARY KEY,
    project_id integer NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    plugin varchar(100) NOT NULL,
    status varchar(20) NOT NULL DEFAULT 'pending',
    valid_until date
);
CREATE INDEX ix_licenses_project_id ON licenses (project_id);
CREATE TABLE license_history (
    id serial PRIMARY KEY,
    license_id integer NOT NULL REFERENCES licenses (id) ON DELETE CASCADE,
    new_status varchar(20) NOT NULL,
    changed_at timestamp NOT NULL DEFAULT now()
);
CREATE TABLE plugin_prices (
    id serial PRIMARY KEY, plugin varchar(100) NOT NULL UNIQUE, price numeric(10, 2) NOT NULL CHECK (price >= 0)
);
CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at = now();
    RETURN NEW;
END $$;
CREATE TRIGGER projects_stamp BEFORE UPDATE ON projects FOR EACH ROW EXECUTE FUNCTION stamp();

INSERT INTO customers (email) SELECT format('kunde%s@example.org', n) FROM generate_series(1, 50) n;
INSERT INTO project_types (name, image) VALUES ('Shop', '/img/shop.png'), ('Blog', NULL);
INSERT INTO projects (customer_id, name, slug, status, project_type_id)
SELECT 1 + n % 50, 'Müllers Laden ' || n, 'laden-' || n, (ARRAY['draft', 'active', 'closed'])[1 + n % 3], 1 + n % 2
FROM generate_series(1, 3000) n;
INSERT INTO licenses (project_id, plugin, status)
SELECT n, 'reviews', 'active' FROM generate_series(1, 3000, 2) n;
INSERT INTO license_history (license_id, new_status) SELECT id, status FROM licenses;
INSERT INTO plugin_prices (plugin, price) VALUES ('reviews', 9.90), ('catalogue', 19);
