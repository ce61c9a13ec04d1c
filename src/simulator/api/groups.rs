//! `ListAppInstanceGroup`.

use super::{
    super::{
        cloud::FleetView,
        fleet::{SimulatedGroup, SimulatedPool},
    },
    ApiError, Parameters, RequestedPage,
    json::{flag, list as array, number, raw, text, time},
    page::PageWriter,
};

/// What the request filters by.
struct GroupQuery<'a> {
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
pub(super) fn list(
    cloud: &FleetView<'_>,
    parameters: &Parameters,
    page: RequestedPage,
) -> Result<PageWriter, ApiError> {
    let mut listing = PageWriter::new(page);
    match parameters.required("ProductType")? {
        "CloudApp" => {}
        // Groups of other products are listed by operations of their own.
        "CloudBrowser" | "AndroidCloud" | "WuyingServer" => return Ok(listing),
        _ => return Err(ApiError::of("ProductTypeInvalid")),
    }
    let filter = GroupQuery::of(parameters);
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

impl<'a> GroupQuery<'a> {
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

    fn accepts(&self, group: &SimulatedGroup) -> bool {
        let settings = &group.settings;
        let belongs = |user_group: &&str| settings.user_groups.contains(user_group);
        let tagged = |(key, value): &(&str, Option<&str>)| {
            settings
                .tags
                .iter()
                .any(|(other, its, _)| other == key && value.is_none_or(|value| value == *its))
        };
        let sized = |size: &str| {
            settings.sold_by_node && group.pools.iter().any(|pool| pool.size.instance_type == size)
        };
        self.id.is_none_or(|id| id == settings.id)
            && self.name.is_none_or(|name| settings.name.contains(name))
            && self.image_id.is_none_or(|image| image == settings.image_id)
            && self.region_id.is_none_or(|region| region == settings.region_id)
            && self.node_instance_type.is_none_or(sized)
            && self.office_site_id.is_none_or(|site| site.trim() == settings.office_site_id.trim())
            && self.tags.iter().all(tagged)
            && (self.statuses.is_empty() || self.statuses.contains(&group.status()))
            && (self.user_groups.is_empty() || self.user_groups.iter().any(belongs))
            && !self.excluded_user_groups.iter().any(belongs)
    }
}

fn write(out: &mut Vec<u8>, group: &SimulatedGroup) {
    let settings = &group.settings;
    array(out, "{\"Apps\":", settings.apps, |out, app| {
        text(out, "{\"AppId\":", app.id);
        text(out, ",\"AppName\":", app.name);
        text(out, ",\"AppVersion\":", app.version);
        text(out, ",\"AppVersionName\":", app.version_name);
        text(out, ",\"AppIcon\":", app.icon);
        out.push(b'}');
    });
    text(out, ",\"AppCenterImageId\":", settings.image_id);
    text(out, ",\"RegionId\":", settings.region_id);
    raw(out, ",\"ProductType\":\"CloudApp\",\"AppInstanceType\":");
    raw(out, if settings.sold_by_node { "\"__dynamic__\"" } else { "\"appstreaming.session.small\"" });
    text(out, ",\"AppInstanceGroupId\":", &settings.id);
    number(out, ",\"Amount\":", settings.amount);
    number(out, ",\"MinAmount\":", settings.min_amount);
    number(out, ",\"MaxAmount\":", settings.max_amount);
    raw(out, ",\"ReserveAmountRatio\":\"20\",\"ReserveMinAmount\":1");
    number(out, ",\"ReserveMaxAmount\":", settings.min_amount * 2);
    write_group_scaling(out, group);
    text(out, ",\"ChargeType\":", if settings.prepaid { "PrePaid" } else { "PostPaid" });
    time(out, ",\"GmtCreate\":", settings.created, 0);
    text(out, ",\"Status\":", group.status());
    let pools = if settings.sold_by_node { group.pools.as_slice() } else { &[] };
    array(out, ",\"NodePool\":", pools.iter().enumerate(), |out, (position, pool)| {
        write_pool(out, group, position, pool);
    });
    text(out, ",\"SpecId\":", &settings.spec_id);
    text(out, ",\"SessionTimeout\":", itoa::Buffer::new().format(settings.session_timeout));
    text(out, ",\"AppInstanceGroupName\":", &settings.name);
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
    text(out, ",\"ChargeResourceMode\":", if settings.sold_by_node { "Node" } else { "AppInstance" });
    flag(out, ",\"SkipUserAuthCheck\":", settings.auth_mode == "AppInstanceGroup");
    text(out, ",\"OfficeSiteId\":", &settings.office_site_id);
    text(out, ",\"AppPolicyVersion\":", if settings.mixed_network { "CENTER" } else { "DEFAULT" });
    flag(out, ",\"AppPolicyImageCheck\":", settings.mixed_network);
    for field in [",\"ResourceTags\":", ",\"Tags\":"] {
        array(out, field, settings.tags, |out, (key, value, scope)| {
            text(out, "{\"Key\":", key);
            text(out, ",\"Value\":", value);
            text(out, ",\"Scope\":", scope);
            out.push(b'}');
        });
    }
    text(out, ",\"AuthMode\":", settings.auth_mode);
    text(out, ",\"AccessType\":", settings.access_type);
    flag(out, ",\"SupportUserGroupMixedAuth\":", settings.user_groups.len() > 1);
    raw(out, ",\"UserGroupAuthMode\":\"Mixed\"}");
}

/// The group's own scaling, which counts sessions and is in force where it is sold by session.
fn write_group_scaling(out: &mut Vec<u8>, group: &SimulatedGroup) {
    let own = group.pools.first().filter(|_| !group.settings.sold_by_node);
    number(out, ",\"ScalingStep\":", own.map_or(10, |pool| pool.step));
    let threshold = own.map_or(85, |pool| pool.threshold);
    text(out, ",\"ScalingUsageThreshold\":", itoa::Buffer::new().format(threshold));
    number(out, ",\"ScalingDownAfterIdleMinutes\":", own.map_or(5, |pool| pool.idle_minutes));
}

fn write_pool(out: &mut Vec<u8>, group: &SimulatedGroup, position: usize, pool: &SimulatedPool) {
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
