-- A younger marketplace: UUIDs that the application makes, migrations of its own, plugins in a table of their own.
CREATE TABLE alembic_version (version_num varchar(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num));
INSERT INTO alembic_version VALUES ('3f1c9a7be210');
CREATE TABLE plugins (id uuid PRIMARY KEY, key text NOT NULL UNIQUE);
CREATE TABLE project_types (id uuid PRIMARY KEY, name text NOT NULL);
CREATE TABLE projects (
    id uuid PRIMARY KEY,
    owner_id uuid NOT NULL,
    name text NOT NULL,
    subdomain text,
    status varchar NOT NULL CONSTRAINT ck_projects_status CHECK (status IN ('new', 'paid', 'online', 'gone')),
    type_id uuid REFERENCES project_types (id),
    created_at timestamptz DEFAULT now()
);
CREATE UNIQUE INDEX uq_projects_subdomain ON projects (lower(subdomain)) WHERE status <> 'gone';
CREATE TABLE licenses (
    id uuid PRIMARY KEY,
    project_id uuid NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    plugin_id uuid NOT NULL REFERENCES plugins (id),
    status text NOT NULL
);
CREATE TABLE license_history (
    id uuid PRIMARY KEY,
    license_id uuid NOT NULL REFERENCES licenses (id) ON DELETE CASCADE,
    event text NOT NULL,
    at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE plugin_prices (
    plugin_id uuid NOT NULL REFERENCES plugins (id), valid_from date NOT NULL, cents bigint NOT NULL,
    PRIMARY KEY (plugin_id, valid_from)
);

INSERT INTO plugins VALUES ('00000000-0000-4000-8000-000000000001', 'reviews'),
                           ('00000000-0000-4000-8000-000000000002', 'catalogue');
INSERT INTO project_types VALUES ('00000000-0000-4000-8000-000000000010', 'vrs-core');
INSERT INTO projects (id, owner_id, name, subdomain, status, type_id)
SELECT gen_random_uuid(), gen_random_uuid(), 'Project ' || n, 'p' || n, 'online', '00000000-0000-4000-8000-000000000010'
FROM generate_series(1, 2000) n;
INSERT INTO licenses (id, project_id, plugin_id, status)
SELECT gen_random_uuid(), id, '00000000-0000-4000-8000-000000000001', 'active' FROM projects;
INSERT INTO license_history (id, license_id, event) SELECT gen_random_uuid(), id, 'granted' FROM licenses;
INSERT INTO plugin_prices SELECT id, '2024-01-01', 990 FROM plugins;
