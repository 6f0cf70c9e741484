-- API Manager 3.2.0 to 4.7.0 on Oracle, by apim-upgrade VERSION
-- 4.0.0/identity/tenant-uuids
-- Give every tenant a UUID
-- phase: migrate
-- database: shared, the shared database (shared_db); as the owner of its tables
-- sqlplus -L owner@service @FILE
WHENEVER OSERROR EXIT FAILURE ROLLBACK
WHENEVER SQLERROR EXIT FAILURE ROLLBACK
SET DEFINE OFF
SET SQLBLANKLINES ON
SET ECHO OFF
-- from number and domain, so that a rehearsal gives the same
UPDATE UM_TENANT SET UM_TENANT_UUID=REGEXP_REPLACE(LOWER(RAWTOHEX(STANDARD_HASH(CAST('tenant' AS VARCHAR2(1000 CHAR)) || '/' || CAST(UM_TENANT.UM_ID AS VARCHAR2(1000 CHAR)) || '/' || CAST(UM_TENANT.UM_DOMAIN_NAME AS VARCHAR2(1000 CHAR)), 'MD5'))), '^(.{8})(.{4}).(.{3}).(.{3})(.*)$', '\1-\2-3\3-8\4-\5') WHERE UM_TENANT.UM_TENANT_UUID IS NULL OR UM_TENANT.UM_TENANT_UUID IS NULL
/
DELETE FROM APIM_UPGRADE_JOURNAL WHERE APIM_UPGRADE_JOURNAL.STEP = '4.0.0/identity/tenant-uuids'
/
INSERT INTO APIM_UPGRADE_JOURNAL (STEP, POSITION, PHASE, TITLE, STATE, STARTED, ENDED, SEEN, CHANGED, NOTE) VALUES ('4.0.0/identity/tenant-uuids', POSITION, 'migrate', 'Give every tenant a UUID', 'done', CURRENT_TIMESTAMP, CURRENT_TIMESTAMP, 0, 0, 'by script')
/
COMMIT
/
