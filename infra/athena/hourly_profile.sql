-- Hourly profile: what each location sells in each hour of its own clock, over all days of the range.
-- Only days with a manifest are read: what has none is half written.
-- Narrow the dates to what you want to see: they are the partitions that are read.
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
where sales_lines.business_date between '2020-01-01' and '2099-12-31'
  and status <> 'canceled'
group by location_id, currency, extract(hour from sold_at_local)
order by location_id, currency, hour_of_day
