-- Basket size: lines and value of an order when it was sold, per location, channel and month.
-- Units are left out, because grams and pieces cannot be added. Refunds are left out, because they do not change what was bought.
-- Only rows of the revision in the manifest are in force.
-- Narrow the dates to the days of interest: they are the partitions that are read.
select
    location_id,
    channel,
    currency,
    month,
    count(*) as orders,
    cast(avg(order_lines) as decimal(18, 2)) as lines_per_order,
    cast(avg(order_net) as decimal(18, 4)) as net_per_order,
    max(order_net) as largest_order
from (
    select
        location_id,
        channel,
        currency,
        substr(sales_lines.business_date, 1, 7) as month,
        order_id,
        count(*) as order_lines,
        sum(net) as order_net
    from sales_lines
    join export_manifest
        on export_manifest.business_date = sales_lines.business_date
       and export_manifest.time_zone = sales_lines.time_zone
       and export_manifest.revision = sales_lines.revision
    where sales_lines.business_date between '2020-01-01' and '2099-12-31'
      and status <> 'canceled'
    group by location_id, channel, currency, substr(sales_lines.business_date, 1, 7), order_id
) as baskets
group by location_id, channel, currency, month
order by location_id, channel, currency, month
