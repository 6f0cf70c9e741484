-- API Manager 3.2.0 to 4.7.0 on SQL Server, by apim-upgrade VERSION
-- schema/am/expand/AM_API_CATEGORIES
-- AM_API_CATEGORIES: drop constraint unique key (NAME, TENANT_ID); new column ORGANIZATION
-- phase: expand
-- database: am, the API-M database (apim_db); as the owner of its tables
-- sqlcmd -b -I -S server -d database -i FILE
:ON ERROR EXIT
SET XACT_ABORT ON;
SET NOCOUNT ON;
SET QUOTED_IDENTIFIER ON;
SET DATEFORMAT ymd;
GO
BEGIN TRANSACTION
GO
-- drop constraint unique key (NAME, TENANT_ID); new column ORGANIZATION
DECLARE @all1 NVARCHAR(MAX) = N'';
SELECT @all1 = @all1 + N'ALTER TABLE AM_API_CATEGORIES DROP CONSTRAINT ' + QUOTENAME(NAME)
  + N';' FROM (SELECT k.name AS NAME FROM sys.key_constraints k JOIN sys.index_columns i ON i.object_id = k.parent_object_id AND i.index_id = k.unique_index_id JOIN sys.columns c ON c.object_id = i.object_id AND c.column_id = i.column_id WHERE k.parent_object_id = OBJECT_ID(N'AM_API_CATEGORIES') AND k.type = 'UQ' GROUP BY k.name HAVING COUNT(*) = 2 AND COUNT(CASE WHEN c.name IN ('NAME', 'TENANT_ID') THEN 1 END) = 2) AS names;
EXEC(@all1);
GO
-- drop constraint unique key (NAME, TENANT_ID); new column ORGANIZATION
IF NOT EXISTS (SELECT 1 AS HIT FROM sys.columns WHERE object_id = OBJECT_ID(N'AM_API_CATEGORIES') AND name = N'ORGANIZATION')
BEGIN
  EXEC(N'ALTER TABLE AM_API_CATEGORIES ADD ORGANIZATION VARCHAR(100) NULL');
END;
GO
DELETE FROM APIM_UPGRADE_JOURNAL WHERE APIM_UPGRADE_JOURNAL.STEP = 'schema/am/expand/AM_API_CATEGORIES'
GO
INSERT INTO APIM_UPGRADE_JOURNAL (STEP, POSITION, PHASE, TITLE, STATE, STARTED, ENDED, SEEN, CHANGED, NOTE) VALUES ('schema/am/expand/AM_API_CATEGORIES', POSITION, 'expand', 'AM_API_CATEGORIES: drop constraint unique key (NAME, TENANT_ID); new column ORGANIZATION', 'done', CURRENT_TIMESTAMP, CURRENT_TIMESTAMP, 0, 0, 'by script')
GO
COMMIT TRANSACTION
GO
