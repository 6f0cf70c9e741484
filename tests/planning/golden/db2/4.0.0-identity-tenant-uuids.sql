-- API Manager 3.2.0 to 4.7.0 on DB2, by apim-upgrade VERSION
-- 4.0.0/identity/tenant-uuids
-- Give every tenant a UUID
-- phase: migrate
-- database: shared, the shared database (shared_db); as the owner of its tables
-- db2 connect to DATABASE && db2 -td@ -svf FILE
UPDATE COMMAND OPTIONS USING C OFF S ON@
-- from number and domain, so that a rehearsal gives the same
UPDATE UM_TENANT SET UM_TENANT_UUID=INSERT(INSERT(INSERT(INSERT(INSERT(INSERT(LOWER(HEX(HASH(CAST('tenant' AS VARCHAR(1000)) || '/' || CAST(UM_TENANT.UM_ID AS VARCHAR(1000)) || '/' || CAST(UM_TENANT.UM_DOMAIN_NAME AS VARCHAR(1000)), 0))), 13, 1, '3'), 17, 1, '8'), 21, 0, '-'), 17, 0, '-'), 13, 0, '-'), 9, 0, '-') WHERE UM_TENANT.UM_TENANT_UUID IS NULL OR UM_TENANT.UM_TENANT_UUID = ''
@
DELETE FROM APIM_UPGRADE_JOURNAL WHERE APIM_UPGRADE_JOURNAL.STEP = '4.0.0/identity/tenant-uuids'
@
INSERT INTO APIM_UPGRADE_JOURNAL (STEP, POSITION, PHASE, TITLE, STATE, STARTED, ENDED, SEEN, CHANGED, NOTE) VALUES ('4.0.0/identity/tenant-uuids', POSITION, 'migrate', 'Give every tenant a UUID', 'done', CURRENT_TIMESTAMP, CURRENT_TIMESTAMP, 0, 0, 'by script')
@
COMMIT
@
