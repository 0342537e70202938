-- Hourly profile: what each location sells in each hour of its own clock, over all days of the range.
-- Narrow the dates to what you want to see: they are the partitions that are read.
select
    location_id,
    currency,
    extract(hour from sold_at_local) as hour_of_day,
    count(distinct order_id) as orders,
    count(distinct business_date) as days_with_sales,
    sum(net) as net_sales
from sales_lines
where business_date between '2020-01-01' and '2099-12-31'
  and status <> 'canceled'
group by location_id, currency, extract(hour from sold_at_local)
order by location_id, currency, hour_of_day
