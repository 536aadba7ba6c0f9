-- What compose.yaml's PostgreSQL does once, with an empty volume: a role that owns one database, and nothing else.
\getenv password POSTGRES_PASSWORD
CREATE ROLE authapi LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'password';
CREATE DATABASE authapi OWNER authapi;
REVOKE ALL ON DATABASE authapi, postgres, template1 FROM PUBLIC;
-- The superuser has no password: nobody logs in as it over the network.
ALTER ROLE postgres PASSWORD NULL;
