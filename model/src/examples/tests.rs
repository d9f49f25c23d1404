use super::*;

/// Companies that are looked at.
const COMPANIES: u64 = 40;

#[test]
fn each_statement_is_what_the_server_reads_as_the_ask_it_was_made_from() {
    let mut checker = Checker::new().unwrap();
    let (mut made, mut shapes) = (0, HashSet::new());
    for number in 0..COMPANIES {
        let company = Company::make(7, number);
        for one in drawn(&company, number, 25) {
            let (words, catalog) = (&one.words, &company.catalog);
            let result =
                checker.example("test".to_owned(), words, &one.answer, catalog, company.today);
            let (example, reading) = match result {
                Ok(made) => made,
                Err(reason) => panic!("{reason}: {words} -> {}", one.answer),
            };
            let (read, _) = reading.ask.unwrap_or_else(|| panic!("no Ask: {}", one.answer));
            assert_eq!(read, one.ask, "{words} -> {}", one.answer);
            let folded = words.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(example.question.contains(&folded), "{words}: {}", example.question);
            shapes.insert(
                one.answer
                    .split(' ')
                    .filter(|word| word.chars().all(|c| c.is_ascii_uppercase()))
                    .collect::<Vec<_>>()
                    .join(" "),
            );
            made += 1;
        }
    }
    assert!(made > 900, "{made}");
    assert!(shapes.len() > 60, "{}", shapes.len());
}

#[test]
fn the_same_seed_gives_the_same_examples_and_another_seed_others() {
    let all = |seed| {
        let mut examples = Vec::new();
        let mut take = |example| {
            examples.push(example);
            Ok(())
        };
        let count = of_companies(seed, 6, 10, &mut Checker::new().unwrap(), &mut take).unwrap();
        assert_eq!(count.made, examples.len());
        assert!(count.made > 50 && count.left_out.is_empty(), "{count:?}");
        examples
    };
    assert_eq!(all(1), all(1));
    assert_ne!(all(1), all(2));
}

#[test]
fn companies_differ_in_shape_and_names() {
    let shapes: HashSet<String> = (0..COMPANIES)
        .map(|number| {
            let company = Company::make(7, number);
            let names = company.catalog.tables.iter().map(|table| table.name.to_string());
            names.collect::<Vec<_>>().join(" ")
        })
        .collect();
    assert!(shapes.len() > 30, "{}", shapes.len());
}
