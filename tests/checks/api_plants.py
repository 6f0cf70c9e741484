"""SQL that plants faults in the APIs of a sample estate."""

from __future__ import annotations

FIRST = "(SELECT min(api_id) FROM am_api WHERE api_type = 'HTTP')"
OF_ARTIFACTS = """r.reg_name = 'api' AND r.reg_media_type = 'application/vnd.wso2-api+xml'
    AND p.reg_path_value LIKE '%/provider/%'"""


def artifact(before: str, after: str, *, where: str = "true", many: int = 1) -> str:
    """Replace text, a regular expression, in the first artifacts that have it."""
    return f"""UPDATE reg_content c SET reg_content_data = convert_to(regexp_replace(
            convert_from(c.reg_content_data, 'UTF8'), '{before}', '{after}'), 'UTF8')
        WHERE (c.reg_content_id, c.reg_tenant_id) IN (
            SELECT r.reg_content_id, r.reg_tenant_id FROM reg_resource r
            JOIN reg_path p USING (reg_path_id, reg_tenant_id)
            JOIN reg_content k USING (reg_content_id, reg_tenant_id)
            WHERE CASE WHEN {OF_ARTIFACTS} AND {where}
                THEN convert_from(k.reg_content_data, 'UTF8') ~ '{before}' ELSE false END
            ORDER BY r.reg_version LIMIT {many})"""


def file_gone(name: str, where: str = "true") -> str:
    """Delete the first file of a name (LIKE) from a folder below provider/."""
    return f"""DELETE FROM reg_resource WHERE reg_version = (
        SELECT min(r.reg_version) FROM reg_resource r JOIN reg_path p USING (reg_path_id, reg_tenant_id)
        WHERE r.reg_name LIKE '{name}' AND p.reg_path_value LIKE '%/provider/%' AND {where})"""
