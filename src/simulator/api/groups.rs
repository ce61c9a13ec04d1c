//! `ListAppInstanceGroup`.

use super::{
    super::{
        cloud::Cloud,
        fleet::{Group, Pool},
    },
    ApiError, Page, Parameters,
    json::{flag, list as array, number, raw, text, time},
    page::Listing,
};

/// What the request filters by.
struct Filter<'a> {
    id: Option<&'a str>,
    name: Option<&'a str>,
    image_id: Option<&'a str>,
    region_id: Option<&'a str>,
    node_instance_type: Option<&'a str>,
    office_site_id: Option<&'a str>,
    tags: Vec<(&'a str, Option<&'a str>)>,
    statuses: Vec<&'a str>,
    user_groups: Vec<&'a str>,
    excluded_user_groups: Vec<&'a str>,
}

/// The page of groups that a request asks for, the newest first.
pub(super) fn list(cloud: &Cloud<'_>, parameters: &Parameters, page: Page) -> Result<Listing, ApiError> {
    let mut listing = Listing::new(page);
    match parameters.required("ProductType")? {
        "CloudApp" => {}
        // Groups of other products are listed by operations of their own.
        "CloudBrowser" | "AndroidCloud" | "WuyingServer" => return Ok(listing),
        _ => return Err(ApiError::of("ProductTypeInvalid")),
    }
    let filter = Filter::of(parameters);
    if filter.is_empty() {
        // The page alone is looked at: thousands of groups cost no more than the hundred shown.
        listing.add_all(cloud.len(), |out, position| cloud.at(position, |group| write(out, group)));
        return Ok(listing);
    }
    for position in 0..cloud.len() {
        cloud.at(position, |group| {
            if filter.accepts(group) {
                listing.add(|out| write(out, group));
            }
        });
    }
    Ok(listing)
}

impl<'a> Filter<'a> {
    fn of(parameters: &'a Parameters) -> Self {
        Self {
            id: parameters.get("AppInstanceGroupId"),
            name: parameters.get("AppInstanceGroupName"),
            image_id: parameters.get("AppCenterImageId"),
            region_id: parameters.get("BizRegionId"),
            node_instance_type: parameters.get("NodeInstanceType"),
            office_site_id: parameters.get("OfficeSiteId"),
            tags: parameters.tags(),
            statuses: parameters.list("Status"),
            user_groups: parameters.list("UserGroupIds"),
            excluded_user_groups: parameters.list("ExcludedUserGroupIds"),
        }
    }

    fn is_empty(&self) -> bool {
        let texts =
            [self.id, self.name, self.image_id, self.region_id, self.node_instance_type, self.office_site_id];
        let lists = [&self.statuses, &self.user_groups, &self.excluded_user_groups];
        texts.iter().all(Option::is_none) && lists.iter().all(|list| list.is_empty()) && self.tags.is_empty()
    }

    fn accepts(&self, group: &Group) -> bool {
        let facts = &group.facts;
        let belongs = |user_group: &&str| facts.user_groups.contains(user_group);
        let tagged = |(key, value): &(&str, Option<&str>)| {
            facts.tags.iter().any(|(other, its, _)| other == key && value.is_none_or(|value| value == *its))
        };
        let sized =
            |size: &str| facts.sold_by_node && group.pools.iter().any(|pool| pool.size.instance_type == size);
        self.id.is_none_or(|id| id == facts.id)
            && self.name.is_none_or(|name| facts.name.contains(name))
            && self.image_id.is_none_or(|image| image == facts.image_id)
            && self.region_id.is_none_or(|region| region == facts.region_id)
            && self.node_instance_type.is_none_or(sized)
            && self.office_site_id.is_none_or(|site| site.trim() == facts.office_site_id.trim())
            && self.tags.iter().all(tagged)
            && (self.statuses.is_empty() || self.statuses.contains(&group.status()))
            && (self.user_groups.is_empty() || self.user_groups.iter().any(belongs))
            && !self.excluded_user_groups.iter().any(belongs)
    }
}

fn write(out: &mut Vec<u8>, group: &Group) {
    let facts = &group.facts;
    array(out, "{\"Apps\":", facts.apps, |out, app| {
        text(out, "{\"AppId\":", app.id);
        text(out, ",\"AppName\":", app.name);
        text(out, ",\"AppVersion\":", app.version);
        text(out, ",\"AppVersionName\":", app.version_name);
        text(out, ",\"AppIcon\":", app.icon);
        out.push(b'}');
    });
    text(out, ",\"AppCenterImageId\":", facts.image_id);
    text(out, ",\"RegionId\":", facts.region_id);
    raw(out, ",\"ProductType\":\"CloudApp\",\"AppInstanceType\":");
    raw(out, if facts.sold_by_node { "\"__dynamic__\"" } else { "\"appstreaming.session.small\"" });
    text(out, ",\"AppInstanceGroupId\":", &facts.id);
    number(out, ",\"Amount\":", facts.amount);
    number(out, ",\"MinAmount\":", facts.min_amount);
    number(out, ",\"MaxAmount\":", facts.max_amount);
    raw(out, ",\"ReserveAmountRatio\":\"20\",\"ReserveMinAmount\":1");
    number(out, ",\"ReserveMaxAmount\":", facts.min_amount * 2);
    write_group_scaling(out, group);
    text(out, ",\"ChargeType\":", if facts.prepaid { "PrePaid" } else { "PostPaid" });
    time(out, ",\"GmtCreate\":", facts.created, 0);
    text(out, ",\"Status\":", group.status());
    let pools = if facts.sold_by_node { group.pools.as_slice() } else { &[] };
    array(out, ",\"NodePool\":", pools.iter().enumerate(), |out, (position, pool)| {
        write_pool(out, group, position, pool);
    });
    text(out, ",\"SpecId\":", &facts.spec_id);
    text(out, ",\"SessionTimeout\":", itoa::Buffer::new().format(facts.session_timeout));
    text(out, ",\"AppInstanceGroupName\":", &facts.name);
    match group.expires {
        Some(expires) => time(out, ",\"ExpiredTime\":", expires, 0),
        None => raw(out, ",\"ExpiredTime\":\"\""),
    }
    text(out, ",\"OtaInfo\":{\"OtaVersion\":", &group.ota.version);
    match &group.ota.new_version {
        Some(version) => text(out, ",\"NewOtaVersion\":", version),
        None => raw(out, ",\"NewOtaVersion\":null"),
    }
    text(out, ",\"TaskId\":", &group.ota.task_id);
    raw(out, "},\"OsType\":\"Windows\"");
    text(out, ",\"ResourceStatus\":", group.resource_status());
    raw(out, ",\"AppPolicyId\":\"pg-g3k5wa2ms20001\"");
    text(out, ",\"ChargeResourceMode\":", if facts.sold_by_node { "Node" } else { "AppInstance" });
    flag(out, ",\"SkipUserAuthCheck\":", facts.auth_mode == "AppInstanceGroup");
    text(out, ",\"OfficeSiteId\":", &facts.office_site_id);
    text(out, ",\"AppPolicyVersion\":", if facts.mixed_network { "CENTER" } else { "DEFAULT" });
    flag(out, ",\"AppPolicyImageCheck\":", facts.mixed_network);
    for field in [",\"ResourceTags\":", ",\"Tags\":"] {
        array(out, field, facts.tags, |out, (key, value, scope)| {
            text(out, "{\"Key\":", key);
            text(out, ",\"Value\":", value);
            text(out, ",\"Scope\":", scope);
            out.push(b'}');
        });
    }
    text(out, ",\"AuthMode\":", facts.auth_mode);
    text(out, ",\"AccessType\":", facts.access_type);
    flag(out, ",\"SupportUserGroupMixedAuth\":", facts.user_groups.len() > 1);
    raw(out, ",\"UserGroupAuthMode\":\"Mixed\"}");
}

/// The group's own scaling, which counts sessions and is in force where it is sold by session.
fn write_group_scaling(out: &mut Vec<u8>, group: &Group) {
    let own = group.pools.first().filter(|_| !group.facts.sold_by_node);
    number(out, ",\"ScalingStep\":", own.map_or(10, |pool| pool.step));
    let threshold = own.map_or(85, |pool| pool.threshold);
    text(out, ",\"ScalingUsageThreshold\":", itoa::Buffer::new().format(threshold));
    number(out, ",\"ScalingDownAfterIdleMinutes\":", own.map_or(5, |pool| pool.idle_minutes));
}

fn write_pool(out: &mut Vec<u8>, group: &Group, position: usize, pool: &Pool) {
    let occupancy = group.occupancy(position);
    text(out, "{\"NodePoolId\":", &pool.id);
    text(out, ",\"NodeInstanceType\":", pool.size.instance_type);
    number(out, ",\"NodeAmount\":", occupancy.nodes);
    number(out, ",\"NodeUsed\":", occupancy.nodes_used);
    number(out, ",\"NodeCapacity\":", pool.size.capacity);
    number(out, ",\"ScalingNodeAmount\":", occupancy.scaling_nodes);
    number(out, ",\"ScalingNodeUsed\":", occupancy.scaling_nodes_used);
    text(out, ",\"StrategyType\":", pool.strategy.as_str());
    number(out, ",\"Amount\":", pool.bought);
    number(out, ",\"MaxScalingAmount\":", pool.max_scaling);
    number(out, ",\"MaxIdleAppInstanceAmount\":", pool.max_idle);
    number(out, ",\"ScalingStep\":", pool.step);
    text(out, ",\"ScalingUsageThreshold\":", itoa::Buffer::new().format(pool.threshold));
    number(out, ",\"ScalingDownAfterIdleMinutes\":", pool.idle_minutes);
    array(out, ",\"RecurrenceSchedules\":", pool.schedules, |out, schedule| {
        text(out, "{\"RecurrenceType\":", schedule.recurrence_type);
        array(out, ",\"RecurrenceValues\":", schedule.weekdays, |out, day| number(out, "", *day));
        array(out, ",\"TimerPeriods\":", schedule.periods, |out, period| {
            number(out, "{\"Amount\":", period.nodes * pool.schedule_factor);
            clock(out, ",\"EndTime\":", period.end);
            clock(out, ",\"StartTime\":", period.start);
            out.push(b'}');
        });
        out.push(b'}');
    });
    if let Some((first, last)) = pool.enabled {
        text(out, ",\"StrategyDisableDate\":", &last.to_string());
        text(out, ",\"StrategyEnableDate\":", &first.to_string());
    }
    flag(out, ",\"WarmUp\":", pool.warm_up);
    text(out, ",\"NodeTypeName\":", pool.size.type_name);
    out.push(b'}');
}

/// `"HH:mm"`.
fn clock(out: &mut Vec<u8>, before: &str, (hour, minute): (i8, i8)) {
    text(out, before, &format!("{hour:02}:{minute:02}"));
}
