//! What a model is trained to answer is what the engine runs: each Ask that an example is made from binds
//! against the tables of its company, and compiles.

use pacioli_engine::compile::compile;
use pacioli_training::examples::{Company, drawn};

#[test]
fn every_drawn_ask_binds_against_its_company() {
    let mut bound = 0;
    for number in 0..60 {
        let company = Company::make(23, number);
        for one in drawn(&company, number, 20) {
            let compiled = compile(&company.catalog, &one.ask);
            assert!(compiled.is_ok(), "{}: {} {compiled:?}", one.words, one.answer);
            bound += 1;
        }
    }
    assert!(bound > 1000, "{bound}");
}
