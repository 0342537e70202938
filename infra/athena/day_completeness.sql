-- Day completeness: the exported days, whether they are closed, and whether all rows of their revision were read.
-- missing_sales_lines and missing_refund_lines are 0 for every complete day.
-- Narrow the dates to the days of interest: they are the partitions that are read.
select
    export_manifest.business_date,
    export_manifest.time_zone,
    export_manifest.revision,
    closed,
    sales_lines_rows - count(sales_line) as missing_sales_lines,
    refund_lines_rows - count(refund_line) as missing_refund_lines
from export_manifest
left join (
    select business_date, time_zone, revision, 1 as sales_line, null as refund_line
    from sales_lines
    where business_date between '2020-01-01' and '2099-12-31'
    union all
    select business_date, time_zone, revision, null as sales_line, 1 as refund_line
    from refund_lines
    where business_date between '2020-01-01' and '2099-12-31'
) as day_lines
    on day_lines.business_date = export_manifest.business_date
   and day_lines.time_zone = export_manifest.time_zone
   and day_lines.revision = export_manifest.revision
where export_manifest.business_date between '2020-01-01' and '2099-12-31'
group by
    export_manifest.business_date,
    export_manifest.time_zone,
    export_manifest.revision,
    closed,
    sales_lines_rows,
    refund_lines_rows
order by export_manifest.business_date, export_manifest.time_zone
