//! The parameters of a request. The query, a form in the body and the header `x-acs-action` can
//! contain them: clients and signature methods differ.

/// The parameters that the operations use.
pub struct Parameters {
    pub action: Option<String>,
    pub group: Option<String>,
    pub page_size: usize,
    pub page_number: usize,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { action: None, group: None, page_size: 20, page_number: 1 }
    }
}

impl Parameters {
    /// Adds the pairs of a query or a form.
    pub fn add(&mut self, form: &str) {
        for pair in form.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            match name {
                "Action" => self.action = Some(value.to_owned()),
                // An id consists of letters, digits and hyphens, so nothing is escaped.
                "AppInstanceGroupId" => self.group = Some(value.to_owned()),
                "PageSize" => self.page_size = value.parse().unwrap_or(0),
                "PageNumber" => self.page_number = value.parse().unwrap_or(0),
                _ => {}
            }
        }
    }
}
