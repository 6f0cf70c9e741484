-- API Manager 3.2.0 to 4.7.0 on SQL Server, by apim-upgrade VERSION
-- 4.0.0/identity/tenant-uuids
-- Give every tenant a UUID
-- phase: migrate
-- database: shared, the shared database (shared_db); as the owner of its tables
-- sqlcmd -b -I -S server -d database -i FILE
:ON ERROR EXIT
SET XACT_ABORT ON;
SET NOCOUNT ON;
SET QUOTED_IDENTIFIER ON;
SET DATEFORMAT ymd;
GO
BEGIN TRANSACTION
GO
-- from number and domain, so that a rehearsal gives the same
UPDATE UM_TENANT SET UM_TENANT_UUID=STUFF(STUFF(STUFF(STUFF(STUFF(STUFF(LOWER(CONVERT(VARCHAR(32), HASHBYTES('MD5', CAST(CAST('tenant' AS VARCHAR(1000)) + '/' + CAST(UM_TENANT.UM_ID AS VARCHAR(1000)) + '/' + CAST(UM_TENANT.UM_DOMAIN_NAME AS VARCHAR(1000)) AS VARCHAR(8000))), 2)), 13, 1, '3'), 17, 1, '8'), 21, 0, '-'), 17, 0, '-'), 13, 0, '-'), 9, 0, '-') WHERE UM_TENANT.UM_TENANT_UUID IS NULL OR UM_TENANT.UM_TENANT_UUID = ''
GO
DELETE FROM APIM_UPGRADE_JOURNAL WHERE APIM_UPGRADE_JOURNAL.STEP = '4.0.0/identity/tenant-uuids'
GO
INSERT INTO APIM_UPGRADE_JOURNAL (STEP, POSITION, PHASE, TITLE, STATE, STARTED, ENDED, SEEN, CHANGED, NOTE) VALUES ('4.0.0/identity/tenant-uuids', POSITION, 'migrate', 'Give every tenant a UUID', 'done', CURRENT_TIMESTAMP, CURRENT_TIMESTAMP, 0, 0, 'by script')
GO
COMMIT TRANSACTION
GO
