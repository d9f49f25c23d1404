use std::{io, path::Path};

use chrono::{Duration, NaiveDate};

use super::{
    calendar::Period,
    customers::REGIONS,
    money::Cents,
    names::Names,
    rng::Rng,
    sheet::{DemoFile, Sheet, optional},
};

/// Department, title, how many, monthly salary in cents. The first person of the list leads the
/// company; the first of a department leads it.
const POSTS: [(&str, &str, i64, i64); 13] = [
    ("Management", "Managing Director", 1, 1_150_000),
    ("Management", "Assistant", 1, 380_000),
    ("Purchasing", "Head of Purchasing", 1, 640_000),
    ("Purchasing", "Buyer", 3, 410_000),
    ("Warehouse", "Warehouse Manager", 1, 520_000),
    ("Warehouse", "Warehouse Clerk", 11, 290_000),
    ("Finance", "Head of Finance", 1, 720_000),
    ("Finance", "Accountant", 3, 430_000),
    ("Marketing", "Head of Marketing", 1, 610_000),
    ("Marketing", "Marketing Specialist", 2, 390_000),
    ("IT", "Systems Engineer", 2, 480_000),
    ("Service", "Service Agent", 4, 330_000),
    ("Sales", "Head of Sales", 1, 780_000),
];

/// Someone who works for the company.
pub(super) struct Employee {
    pub(super) id: String,
    pub(super) name: String,
    department: &'static str,
    title: &'static str,
    region: Option<&'static str>,
    manager: Option<String>,
    hired_on: NaiveDate,
    left_on: Option<NaiveDate>,
    salary: Cents,
}

impl Employee {
    pub(super) fn works_on(&self, day: NaiveDate) -> bool {
        self.hired_on <= day && self.left_on.is_none_or(|left| day <= left)
    }
}

/// Everyone, and who looks after which region.
pub(super) struct Staff {
    people: Vec<Employee>,
    /// For each region the people of its two desks; the second desk changes hands once.
    sellers: Vec<[usize; 3]>,
    handover: NaiveDate,
}

impl Staff {
    pub(super) fn new(seed: u64, period: Period) -> Self {
        let half = Duration::days(period.index(period.last) / 2);
        let handover = period.first + half;
        let mut hire =
            Hire { names: Names::new(seed, "staff"), rng: Rng::new(seed, "staff"), period };
        let mut people: Vec<Employee> = Vec::new();
        for (department, title, count, salary) in POSTS {
            for _ in 0..count {
                let head = people.iter().find(|person| person.department == department);
                let manager = head.or(people.first()).map(|person| person.id.clone());
                let number = people.len() + 1;
                people.push(hire.person(number, (department, title), manager, salary));
            }
        }
        let mut staff = Self { people, sellers: Vec::new(), handover };
        for region in REGIONS {
            staff.add_sellers(region, &mut hire);
        }
        staff
    }

    fn add_sellers(&mut self, region: &'static str, hire: &mut Hire) {
        let first = self.people.len();
        let head = self.people[first - 1].manager.clone();
        let head =
            if self.sellers.is_empty() { Some(self.people[first - 1].id.clone()) } else { head };
        for seat in 0..3 {
            let post = ("Sales", "Sales Representative");
            let mut person = hire.person(first + seat + 1, post, head.clone(), 460_000);
            person.region = Some(region);
            self.people.push(person);
        }
        self.people[first + 1].left_on = self.handover.pred_opt();
        self.people[first + 2].hired_on = self.handover;
        self.sellers.push([first, first + 1, first + 2]);
    }

    /// Who sells to a customer of this region and number on a day.
    pub(super) fn seller(&self, region: usize, customer: usize, day: NaiveDate) -> &Employee {
        let seat = match customer % 2 {
            0 => 0,
            _ if day < self.handover => 1,
            _ => 2,
        };
        &self.people[self.sellers[region][seat]]
    }

    pub(super) fn people(&self) -> &[Employee] {
        &self.people
    }

    pub(super) fn write(&self, directory: &Path) -> io::Result<DemoFile> {
        let header = [
            "employee_id",
            "employee",
            "department",
            "job_title",
            "region",
            "manager_id",
            "hired_on",
            "left_on",
            "monthly_salary_eur",
        ];
        let mut sheet = Sheet::create(directory, "employees", &header)?;
        for person in &self.people {
            sheet.row(&[
                &person.id,
                &person.name,
                &person.department,
                &person.title,
                &optional(person.region),
                &optional(person.manager.as_ref()),
                &person.hired_on,
                &optional(person.left_on),
                &person.salary,
            ])?;
        }
        sheet.finish()
    }
}

struct Hire {
    names: Names,
    rng: Rng,
    period: Period,
}

impl Hire {
    fn person(
        &mut self,
        number: usize,
        (department, title): (&'static str, &'static str),
        manager: Option<String>,
        salary: i64,
    ) -> Employee {
        Employee {
            id: format!("E{number:03}"),
            name: self.names.person(),
            department,
            title,
            region: None,
            manager,
            hired_on: self.period.first - Duration::days(self.rng.between(60, 5000)),
            left_on: None,
            salary: Cents(salary).per_mille(self.rng.between(900, 1200)),
        }
    }
}
