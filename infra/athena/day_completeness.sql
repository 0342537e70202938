-- Day completeness: the exported days, whether they are closed, and whether all rows of their revision were read.
-- missing_sales_lines and missing_refund_lines are 0 for every complete day.
-- Narrow the dates to the days of interest: they are the partitions that are read.
select
    export_manifest.business_date,
    export_manifest.time_zone,
    export_manifest.revision,
    export_manifest.closed,
    export_manifest.sales_lines_rows - coalesce(sold.rows_read, 0) as missing_sales_lines,
    export_manifest.refund_lines_rows - coalesce(refunded.rows_read, 0) as missing_refund_lines
from export_manifest
left join (
    select business_date, time_zone, revision, count(*) as rows_read
    from sales_lines
    where business_date between '2020-01-01' and '2099-12-31'
    group by business_date, time_zone, revision
) as sold
    on sold.business_date = export_manifest.business_date
   and sold.time_zone = export_manifest.time_zone
   and sold.revision = export_manifest.revision
left join (
    select business_date, time_zone, revision, count(*) as rows_read
    from refund_lines
    where business_date between '2020-01-01' and '2099-12-31'
    group by business_date, time_zone, revision
) as refunded
    on refunded.business_date = export_manifest.business_date
   and refunded.time_zone = export_manifest.time_zone
   and refunded.revision = export_manifest.revision
where export_manifest.business_date between '2020-01-01' and '2099-12-31'
order by export_manifest.business_date, export_manifest.time_zone
