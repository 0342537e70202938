-- Hourly profile: sales of each location in each hour of its own clock, over all days of the range.
-- Refunds are left out: they happen at other hours than the sales.
-- Only rows of the revision in the manifest are in force.
-- Narrow the dates to the days of interest: they are the partitions that are read.
select
    location_id,
    currency,
    extract(hour from sold_at_local) as hour_of_day,
    count(distinct order_id) as orders,
    count(distinct sales_lines.business_date) as days_with_sales,
    sum(net) as net_sales
from sales_lines
join export_manifest
    on export_manifest.business_date = sales_lines.business_date
   and export_manifest.time_zone = sales_lines.time_zone
   and export_manifest.revision = sales_lines.revision
where sales_lines.business_date between '2020-01-01' and '2099-12-31'
  and status <> 'canceled'
group by location_id, currency, extract(hour from sold_at_local)
order by location_id, currency, hour_of_day
