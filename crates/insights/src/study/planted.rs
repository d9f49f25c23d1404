//! Events of known kind and size in series of a company of chance, and series with nothing in them: how
//! much of the one is found, and how little in the other.

use pacioli_model::{Better, ColumnName, ColumnRef, Labels, TimeGrain, Unit};

use super::*;
use crate::{number::real, random::Noise};

const MONTHS: usize = 36;

/// What is planted, of so many standard deviations of the month's noise.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Event {
    None,
    /// The last month.
    Spike(f64),
    /// The level of the last six months.
    Shift(f64),
    /// From the first month to the last.
    Rise(f64),
    /// One member out of many loses most, for the last six months.
    Member(f64),
    /// One member has more in the last month.
    MemberSpike(f64),
}

fn window(series: &Series, from: usize, to: usize) -> Window {
    Window { from: series.at(from), to: series.at(to), grain: TimeGrain::Month, complete: true }
}

fn figure(noise: &mut Noise, name: &str, table: &str, event: Event) -> Figure {
    let count = 10;
    let spread = 5.0;
    let season: Vec<f64> = (0..12).map(|_| 10.0 * noise.normal()).collect();
    let whole_spread = spread * real(count).sqrt();
    let mut members: Vec<Member> = (0..count)
        .map(|number| Member {
            name: format!("member {number}"),
            values: vec![None; MONTHS],
            rows: Vec::new(),
        })
        .collect();
    for place in 0..MONTHS {
        let late = place >= MONTHS - 6;
        let whole = match event {
            Event::Spike(sigma) if place + 1 == MONTHS => sigma * whole_spread,
            Event::Shift(sigma) if late => -sigma * whole_spread,
            Event::Rise(sigma) => sigma * whole_spread * real(place) / real(MONTHS),
            _ => 0.0,
        };
        for (number, member) in members.iter_mut().enumerate() {
            let own = match event {
                Event::Member(sigma) if number == 3 && late => -sigma * spread,
                Event::MemberSpike(sigma) if number == 3 && place + 1 == MONTHS => sigma * spread,
                _ => 0.0,
            };
            let value = 100.0 + season[place % 12] + spread * noise.normal() + own;
            member.values[place] = Some(value + whole / real(count));
        }
    }
    let values = (0..MONTHS).map(|place| members.iter().filter_map(|it| it.values[place]).sum());
    let column = ColumnName::parse("customer").unwrap();
    let table = TableName::parse(table).unwrap();
    let dimension = Dimension {
        column: ColumnRef::new(table.clone(), column),
        label: "Customer".to_owned(),
        labels: Labels::new(),
    };
    let metric = MetricUsed {
        name: name.to_owned(),
        label: name.to_owned(),
        labels: Labels::new(),
        unit: Unit::Number,
        better: Better::Higher,
        adds_up: true,
    };
    Figure {
        metric,
        table,
        series: Series {
            grain: TimeGrain::Month,
            from: chrono::NaiveDate::from_ymd_opt(2023, 1, 1).unwrap(),
            values: values.collect(),
        },
        weight: 1.0,
        query: 0,
        breakdowns: vec![Breakdown {
            dimension,
            members,
            cut: false,
            reach: Reach::Whole,
            query: 1,
        }],
        caveats: Vec::new(),
    }
}

/// Twelve figures, of which the first has the event.
fn study(seed: u64, event: Event) -> Study {
    let mut noise = Noise::new(seed);
    let figures: Vec<Figure> = (0..12)
        .map(|place| {
            let event = if place == 0 { event } else { Event::None };
            figure(&mut noise, &format!("figure_{place}"), &format!("table_{place}"), event)
        })
        .collect();
    let series = &figures[0].series;
    let window_now = window(series, MONTHS - 1, MONTHS);
    let against = Some(window(series, MONTHS - 13, MONTHS - 12));
    Study { window: window_now, against, figures, said: BTreeSet::new(), votes: Votes::default() }
}

/// What is no statement about movement is true of any company: a season that is planted, who leads.
fn is_about_change(finding: &Finding) -> bool {
    !matches!(finding.fact, Fact::Season { .. } | Fact::Concentration { .. })
}

#[test]
fn little_is_found_where_nothing_is_planted() {
    let counts: Vec<usize> = (0..100)
        .map(|seed| {
            let found = findings(&study(seed, Event::None)).findings;
            found.iter().filter(|it| is_about_change(it)).count()
        })
        .collect();
    let (sum, most) = (counts.iter().sum::<usize>(), counts.iter().max().copied().unwrap_or(0));
    let without = counts.iter().filter(|count| **count == 0).count();
    println!(
        "nothing planted: {sum} false findings in 100 reports, {without} without any, at most {most}"
    );
    assert!(most <= 1 && sum <= 50, "{counts:?}");
}

#[test]
fn what_is_planted_is_found() {
    let (mut found, mut all) = (0, 0);
    for (name, event) in [
        ("spike", Event::Spike as fn(f64) -> Event),
        ("shift", Event::Shift),
        ("rise", Event::Rise),
        ("member", Event::Member),
    ] {
        let mut of_kind = 0;
        for seed in 0..25 {
            let sigma = 3.0 + real(seed % 5);
            let seen = findings(&study(1000 + seed as u64, event(sigma))).findings;
            let told = seen.iter().any(|it| {
                is_about_change(it)
                    && it.subject.metric.name == "figure_0"
                    && (name != "member" || it.subject.member.as_deref() == Some("member 3"))
            });
            of_kind += usize::from(told);
        }
        println!("{name}: {of_kind} of 25 found");
        found += of_kind;
        all += 25;
    }
    println!("recall of events of 3 to 7 sigma: {:.0} %", 100.0 * real(found) / real(all));
    assert!(real(found) >= 0.9 * real(all), "{found} of {all}");
}

/// One month of one among a hundred and twenty members, of which hundreds of tests are made: it must stand out more
/// than a level that lasts.
#[test]
fn a_month_of_one_member_is_found_and_told_of_it() {
    let of_member = |seed: u64| {
        let event = Event::MemberSpike(7.0 + real(usize::try_from(seed % 5).unwrap()));
        findings(&study(2000 + seed, event)).findings.into_iter().any(|it| {
            let (name, member) = (&it.subject.metric.name, it.subject.member.as_deref());
            let at = match it.fact {
                Fact::OutlierPoint { at, .. } => Some(at),
                _ => None,
            };
            (name.as_str(), member) == ("figure_0", Some("member 3"))
                && at == chrono::NaiveDate::from_ymd_opt(2025, 12, 1)
        })
    };
    let found = (0..25).filter(|seed| of_member(*seed)).count();
    println!("a month of a member, 7 to 11 sigma: {found} of 25 found");
    assert!(found >= 20, "{found}");
}

/// Days to pay of ten customers, of which one pays later for the last half year, and the same of none.
#[test]
fn a_members_ratio_that_shifts_is_found_and_others_are_not() {
    let ratio = |seed: u64, later: f64| {
        let mut noise = Noise::new(3000 + seed);
        let mut figure = figure(&mut noise, "days_to_pay", "invoices", Event::None);
        figure.metric.adds_up = false;
        for (number, member) in figure.breakdowns[0].members.iter_mut().enumerate() {
            for (place, value) in member.values.iter_mut().enumerate() {
                let late = if number == 3 && place >= MONTHS - 6 { later } else { 0.0 };
                *value = Some(30.0 + 4.0 * noise.normal() + late);
            }
        }
        let members = &figure.breakdowns[0].members;
        let mean =
            |place: usize| members.iter().filter_map(|it| it.values[place]).sum::<f64>() / 10.0;
        figure.series.values = (0..MONTHS).map(mean).collect();
        let series = &figure.series;
        let window_now = window(series, MONTHS - 1, MONTHS);
        let against = Some(window(series, MONTHS - 13, MONTHS - 12));
        let study = Study {
            window: window_now,
            against,
            figures: vec![figure],
            said: BTreeSet::new(),
            votes: Votes::default(),
        };
        findings(&study).findings
    };
    let of_members = |seed, later| {
        let found = ratio(seed, later).into_iter().filter_map(|it| it.subject.member);
        found.collect::<BTreeSet<String>>()
    };
    let found = (0..25).filter(|seed| of_members(*seed, 20.0).contains("member 3")).count();
    let others = (0..25).map(|seed| of_members(seed, 0.0).len()).sum::<usize>();
    println!("a member's ratio that shifts: {found} of 25 found; where none does: {others} in 25");
    assert!(found >= 24 && others <= 6, "{found}, {others}");
}

/// What forty products sold in lines and what came back of them, three of a hundred; of one of them eight more in
/// each of the last two months, where that is planted.
fn returns(seed: u64, more: f64) -> Study {
    let mut noise = Noise::new(4000 + seed);
    let sold = figure(&mut noise, "revenue", "lines", Event::None);
    let mut figures = vec![sold.clone(), Figure { breakdowns: sold.breakdowns.clone(), ..sold }];
    figures[1].metric.name = "returns".to_owned();
    let names = (0..40).map(|number| format!("member {number}"));
    let empty = |name| Member { name, values: vec![Some(0.0); MONTHS], rows: vec![0.0; MONTHS] };
    let members: Vec<Member> = names.map(empty).collect();
    for figure in &mut figures {
        figure.breakdowns[0].members.clone_from(&members);
        figure.series.values = vec![0.0; MONTHS];
    }
    for number in 0..40 {
        for at in 0..MONTHS {
            let lines = noise.poisson(15.0 + real(number));
            let planted = if number == 3 && at >= MONTHS - 2 { more } else { 0.0 };
            let back = noise.poisson(0.03 * real(lines) + planted);
            let size = |noise: &mut Noise| 50.0 * (0.8 * noise.normal()).exp();
            for (figure, rows) in figures.iter_mut().zip([lines, back]) {
                let value = (0..rows).map(|_| size(&mut noise)).sum::<f64>();
                let member = &mut figure.breakdowns[0].members[number];
                (member.values[at], member.rows[at]) = (Some(value), real(rows));
                figure.series.values[at] += value;
            }
        }
    }
    let series = &figures[0].series;
    let now = window(series, MONTHS - 3, MONTHS);
    let against = Some(window(series, MONTHS - 15, MONTHS - 12));
    Study { window: now, against, figures, said: BTreeSet::new(), votes: Votes::default() }
}

#[test]
fn returns_of_one_product_that_pile_up_are_found_and_others_are_not() {
    let told = |seed: u64, more: f64| {
        let found = findings(&returns(seed, more)).findings.into_iter().filter(is_about_change);
        found.collect::<Vec<Finding>>()
    };
    let is_it = |it: &Finding| {
        let (name, member) = (&it.subject.metric.name, it.subject.member.as_deref());
        (name.as_str(), member) == ("returns", Some("member 3"))
    };
    let found = (0..25).filter(|seed| told(*seed, 8.0).iter().any(is_it)).count();
    let others: Vec<usize> = (0..100).map(|seed| told(seed, 0.0).len()).collect();
    let sum = others.iter().sum::<usize>();
    println!("returns of one product: {found} of 25 found; where nothing is planted: {sum} in 100");
    assert!(found >= 24, "{found}");
    assert!(others.iter().all(|count| *count <= 1) && sum <= 20, "{others:?}");
}

#[test]
fn no_two_findings_say_the_same_and_never_more_than_ten() {
    let mut study = study(7, Event::Shift(8.0));
    // A second figure that is the first one in another unit.
    let mut twin = study.figures[0].clone();
    twin.metric.name = "in_thousands".to_owned();
    twin.series.values.iter_mut().for_each(|value| *value *= 1000.0);
    study.figures.push(twin);
    let found = findings(&study).findings;
    assert!(found.len() <= MOST);
    let same = ["figure_0", "in_thousands"];
    let moving = found.iter().filter(|it| it.subject.member.is_none());
    let moving = moving.filter(|it| same.contains(&it.subject.metric.name.as_str()));
    let moving = moving.filter(|it| {
        matches!(it.fact, Fact::Change { .. } | Fact::ChangePoint { .. } | Fact::Trend { .. })
    });
    assert_eq!(moving.count(), 1, "{found:#?}");
    let mut ids: Vec<&str> = found.iter().map(|it| it.id.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), found.len());
}

#[test]
fn what_readers_mute_is_left_out_and_what_they_find_useful_stays_new() {
    const NOBODY: &str = "00000000-0000-0000-0000-000000000000";
    let mut study = study(7, Event::Shift(8.0));
    let first = findings(&study);
    let is_of_level = |it: &&Finding| {
        let moves =
            matches!(it.fact, Fact::Change { .. } | Fact::ChangePoint { .. } | Fact::Trend { .. });
        moves && it.subject.metric.name == "figure_0" && it.subject.member.is_none()
    };
    let shift = first.findings.iter().find(is_of_level).cloned().unwrap();
    let of_shift = |outcome: &Outcome| {
        outcome.findings.iter().find(|it| it.id == shift.id).map(|it| it.score.novelty)
    };
    assert_eq!((of_shift(&first), first.muted.len()), (Some(1.0), 0));
    let vote = |vote| pacioli_model::FindingVote {
        id: String::new(),
        company_id: NOBODY.parse().unwrap(),
        kind: shift.fact.kind().to_owned(),
        figure: "figure_0".to_owned(),
        vote,
        created_by: NOBODY.parse().unwrap(),
        created_at: pacioli_model::Timestamp::from_millis(0),
    };
    for kind in ["change", "trend", "change_point", "outlier_point"] {
        study.said.insert(format!("{kind}:figure_0:-:-"));
    }
    assert!(study.said.contains(&shift.id), "{}", shift.id);
    assert_eq!(of_shift(&findings(&study)), Some(0.5));
    for (votes, novelty) in [(1, 0.75), (2, 1.0), (9, 1.0)] {
        study.votes = Votes::of((0..votes).map(|_| vote(pacioli_model::Vote::Useful)));
        assert_eq!(of_shift(&findings(&study)), Some(novelty));
    }
    study.votes = Votes::of([vote(pacioli_model::Vote::Mute)]);
    let outcome = findings(&study);
    assert!(outcome.muted.iter().any(|it| it.id == shift.id));
    assert!(outcome.findings.iter().all(|it| it.id != shift.id));
}
