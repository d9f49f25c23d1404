//! The closed list of words that carry the shape of a question about rows and how they belong
//! together. A word that is neither here nor in the catalog is not understood.

use std::{collections::HashMap, sync::LazyLock};

use pacioli_model::{Aggregate, Comparison, Direction, Shift, TextPlace, TimeGrain};

use super::sketch::Change;

/// What a word of the closed list does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Key {
    /// Nothing.
    Stop,
    /// A verb that only says that two things belong together: `own`, `teach`, `live`.
    Verb,
    /// `show`, `what`: what is asked for follows.
    Ask,
    HowMany,
    Aggregate(Aggregate),
    Distinct,
    /// `highest`, `most`, `top`.
    Most(Direction),
    /// `most common`: counted.
    Common(Direction),
    Compare(Comparison),
    Between,
    Than,
    Not,
    And,
    Or,
    Both,
    Either,
    /// `for each`, `per`.
    Each,
    By,
    /// `that`, `who`, `whose`, `where`: a condition follows.
    That,
    /// `with`, `have`: a condition follows that may name what belongs to the row.
    With,
    Of,
    In,
    Order,
    Towards(Direction),
    Alphabetical,
    Text(TextPlace),
    Empty,
    /// `descending order of`: order and direction at once.
    OrderTowards(Direction),
    /// `all information`: every column.
    Everything,
    /// `month` after `by`.
    Grain(TimeGrain),
    /// `monthly`: groups wherever it stands.
    Every(TimeGrain),
    Change(Change),
    /// `versus`.
    Versus,
    /// Understood, and out of reach here.
    Beyond,
}

use Key::{
    Aggregate as Agg, Alphabetical, And, Ask, Between, Beyond, Both, By, Common, Compare, Distinct,
    Each, Either, Empty, Everything, HowMany, In, Most, Not, Of, Or, Order, OrderTowards, Stop,
    Text, Than, That, Towards, Verb, With,
};

const PHRASES: &[(Key, &str)] = &[
    (
        Stop,
        "his or her|his or her own|him or her|he or she|a|single|him|himself|herself|themselves|itself|of origin|people|person|persons|everybody|everyone|individuals|individual|least once|an|the|is|are|was|were|be|been|being|do|does|did|there|their|its|his|her|our|my|your|they|them|it|he|she|we|us|i|you|me|please|can|could|would|will|should|this|these|those|any|some|all|as|such|so|just|only|also|too|exist|exists|available|currently|respective|corresponding|associated|specific|particular|certain|given|listed|shown|recorded|stored|database|in the database|existing|following|together|along|well|overall|out|up|each other|ever|yet|already|else|s|t|who are|that are|value of|values of|kind of|kinds of|amount of|different kinds of|record of|records of|value|values|answer|tell|let|know|want|need|like|would like|help|hi|hello|thanks|same time|time|in total|altogether|really|actually|various|entire|whole|full list of|list of|actual|own|record|records|result|results|table|tables|manner|presently|previous|there are|right now|now|current|detailed|if|but also|least one|anything|something|someone|anyone|somebody|how|when|much|of them|in any way|do we have|we have|$|€|£|have been|has been|had been|into|onto|off|away|here|back|case|cases|order number",
    ),
    (
        Verb,
        "require|requires|required|requiring|need|needs|needed|donate|donates|donated|donating|represent|represents|represented|representing|contacts|contacting|advising|suffer|suffers|suffered|suffering|causes|causing|maintain|maintains|maintained|maintaining|manufacture|manufactures|manufactured|manufacturing|invest|invests|invested|investing|acquire|acquires|acquired|appoint|appoints|appointed|existed|attain|attains|attained|celebrate|celebrates|celebrated|comprise|comprises|comprising|feed|feeds|trained in|trained by|train|trains|training|adopt|adopts|adopted|won|payed|scheduled|moved|moves|move|supply|supplies|supplied|borrow|borrows|borrowed|borrowing|read|reads|lends|headed|heading|head to|certified|awarded|tweeted|traveled|travelled|installed|collected|contacted|concluded|incurred|broadcast|logged|launched|granted|contributed|interact|interacts|affecting|lended|lent|climb|climbed|climbs|stored in|acted as|acts|act as|file|filed|stop|stopped|becoming|became|become|becomes|rated|scored|score|scores|wanted|living in|eliminated|undergoing|undergo|underwent|prescribed|prescribe|diagnosed|administered|tested|test|signed|sign|chosen|choose|selected|grouped|installed in|exhibiting|worked for|employing|possessed by|obtained|obtain|obtains|achieved|gained|gain|drawn|draw|painted|composed|compose|recorded by|edited|edit|translated|voiced|aired|aired on|broadcasted|streamed|delivered to|paid by|due|corresponds|correspond|corresponding to|designed|design|designs|developed|develop|develops|spent|spend|spends|save|saves|owned|owns|belong|belongs|belonging|belonged|live|lives|living|lived|reside|resides|residing|work|works|working|worked|teach|teaches|taught|teaching|study|studies|studying|studied|take|takes|taking|took|taken|attend|attends|attending|attended|participate|participates|participated|participating|compete|competed|competing|play|plays|playing|played|perform|performs|performed|performing|sing|sings|sang|sung|singing|win|wins|winning|write|writes|wrote|written|writing|make|makes|made|making|produce|produces|produced|producing|build|built|builds|create|created|creates|creating|publish|published|release|released|releasing|direct|directed|directs|star|starred|starring|act|acted|acting|fly|flies|flew|flying|flown|flied|drive|drives|drove|driven|driving|run|runs|ran|running|use|uses|used|using|utilized|buy|buys|bought|buying|purchase|purchased|sell|sells|sold|selling|order|ordered|place|placed|pay|paid|pays|serve|serves|served|serving|offer|offers|offered|offering|provide|provides|provided|hold|holds|held|holding|host|hosts|hosted|hosting|receive|receives|received|receiving|get|gets|got|come|comes|came|coming|go|goes|went|going|happen|happened|happens|occur|occurs|occurred|occurring|locate|located|situated|based|found|founded|called|named|titled|entitled|include|includes|included|including|involve|involved|involves|involving|associate|associates|affiliated|related|relate|contain|join|joined|joins|register|registered|registering|enroll|enrolled|enrolling|enrol|enrolled in|visit|visited|visits|visiting|stay|stayed|staying|book|booked|reserve|reserved|rent|rented|manage|manages|managed|managing|lead|leads|led|leading|support|supports|supported|advise|advises|advised|report|reported|reports|hire|hired|hires|employ|employs|employed|speak|speaks|spoke|spoken|speaking|use in|share|shares|shared|sharing|appear|appears|appeared|appearing|show up|shown|featured|feature|features|apply|applied|applies|submit|submitted|open|opened|opens|start|started|starts|begin|began|end|ended|finish|finished|leave|leaves|left|departing|depart|departs|departed|leaving|arrive|arrives|arrived|arriving|land|lands|landing|landed|carry|carries|carried|conduct|conducted|conducts|conducting|raise|raised|treat|treated|treats|assign|assigned|assigns|arranged|give|gave|given|gives|getting|known|affect|affected|affects|consist|consists|consisting|graduate|graduated|bring|brought|driven by|allocated|responsible|charge|in charge of|charged|checked|check|recommended|reviewed|rate|rated|commented|vote|voted|voting|caused|cause|killed|injured|damage|damaged|captain|captained|complete|completed|done|process|processed|issue|issued|issues|claim|claimed|cover|covers|covered|handle|handled|handles|operate|operates|operated|operating|dated|date back|born|settled|settle|made by|elected|elect|graduating|mention|mentioned|fall|falls|identified|earn|earns|earned|earning|being held|nominated|nominate|exhibited|exhibit|accept|accepts|accepted|ship|shipped|deliver|delivered|reach|reaches|linked|connected|engaged|containing both|sponsored|sponsor|sponsors|sent|send|sends|defined|define|meet|meets|met|followed|follow|follows|following|like|likes|liked|friends with|lend|prefer|fit|cost|costs|last|lasts|lasted|accommodate|accommodates|accommodated|accommodating|accomodate",
    ),
    (
        Ask,
        "show|list|find|return|display|select|report|present|state|provide|retrieve|fetch|output|view|see|what|which|who|whom|whats|what are|what is|give|show me|give me|list all|find out|tell me|name the|enumerate|calculate|compute|determine|identify|please show|get me|what about|where is|where are|when was|when is|when did|describe|sum up",
    ),
    (
        HowMany,
        "how many|number of|count of|count|total number of|numbers of|count the number of|total count of|how many total|amount of|what number of|counts of|quantity of|number|how many different kinds of|number of different kinds of|frequency|frequencies|frequency of",
    ),
    (Agg(Aggregate::Average), "average|mean|avg|averages|on average|average of|mean of"),
    (
        Agg(Aggregate::Sum),
        "total|sum|sum of|combined|total amount of|total of|how much total|in total|summed|total sum of|how much did we|how much do we|how much have we|how much does it",
    ),
    (Agg(Aggregate::Min), "minimum|min|minimal|minimum of"),
    (Agg(Aggregate::Max), "maximum|max|maximal|maximum of"),
    (
        Distinct,
        "distinct|different|unique|distinctive|distinct values of|various|without duplicates|unrepeated|non repeated",
    ),
    (
        Most(Direction::Descending),
        "highest|most|top|maximum|greatest|largest|biggest|best|most number of|largest number of|greatest number of|highest number of|biggest number of|maximum number of|most amount of|largest amount of|highest amount of|greatest amount of|more than any other|max number of|largest total number of|most total|leading",
    ),
    (
        Most(Direction::Ascending),
        "lowest|least|fewest|minimum|smallest|bottom|worst|least number of|smallest number of|lowest number of|fewest number of|minimum number of|smallest amount of|lowest amount of|least amount of|fewest amount of",
    ),
    (
        Common(Direction::Descending),
        "most common|most popular|most frequent|most frequently|most often|most commonly|most prevalent|most used|most frequently used|most commonly used|most common number of|most prominent|most numerous|largest majority|majority of|dominant|most number of times|greatest number of times|highest number of times|largest number of times|maximum number of times|most times",
    ),
    (
        Common(Direction::Ascending),
        "least common|least popular|least frequent|least frequently|least commonly|least used|rarest|least often|least number of times|fewest number of times|lowest number of times|smallest number of times|minimum number of times|fewest times|least times",
    ),
    (
        Compare(Comparison::Greater),
        "more than|greater than|larger than|higher than|bigger than|over|above|exceeding|exceeds|exceed|>|beyond|in excess of|after|later|more|greater|better than|larger|higher|bigger|is more than|later than|exceeded|better",
    ),
    (
        Compare(Comparison::GreaterOrEqual),
        "at least|no less than|not less than|>=|minimum of|greater than or equal to|more than or equal to|no fewer than|equal to or greater than|or above|since|larger than or equal to|higher than or equal to|after or in|after or in year|after or in the year|in or after|on or after|after or on|later than or in|later than or on|no earlier than|not earlier than|not before|equal to or more than|equal or more than|equal to or above|at or above",
    ),
    (
        Compare(Comparison::Less),
        "less than|lower than|fewer than|smaller than|under|below|<|before|less|lower|smaller|fewer|prior to|earlier than|worse than",
    ),
    (
        Compare(Comparison::LessOrEqual),
        "at most|no more than|not more than|<=|up to|less than or equal to|maximum of|smaller than or equal to|no greater than|lower than or equal to|before or in|before or in year|before or in the year|in or before|on or before|before or on|earlier than or in|earlier than or on|no later than|not later than|equal to or less than|equal or less than|at or below|not exceeding",
    ),
    (
        Compare(Comparison::Equal),
        "=|equal|equals|equal to|exactly|is equal to|the same as|same as|equivalent to|precisely",
    ),
    (
        Compare(Comparison::NotEqual),
        "!=|<>|not equal to|different from|differ from|not the same as|other than|not equal|differs from",
    ),
    (
        Between,
        "between|within the range|within the range of|in the range|in a range of|ranging between|in the range of|ranging from|in between|ranges from|in the range between",
    ),
    (Than, "than"),
    (
        Not,
        "not|without|never|non|no|didnt|dont|doesnt|isnt|arent|wasnt|werent|havent|hasnt|hadnt|do not|does not|did not|neither|excluding|except|but not|except for|is not|are not|not have|do not have|does not have|did not have|dont have|havent had|hasnt had|with no|have no|has no|had no|do not own|lack|lacks|lacking|nor|not in|other|cannot|free of|neither of|no longer|have not|has not|had not|nobody|unless|not any|have never|has never|had never|not a|none of|none|no any|absent|failed to|outside|isnt any|do not have any|without any|does not have any|have not had any|did not have any|exclude|excludes|outside of",
    ),
    (
        And,
        "and|as well as|then|then by|and then|and then by|along with|plus|together with|and also|but|followed by|&|additionally|besides|in addition to|while|alongside",
    ),
    (Or, "or|or else|and or"),
    (Both, "both|at the same time|both the"),
    (Either, "either"),
    (
        Each,
        "each|every|per|for each|for every|in each|of each|by each|from each|on each|at each|for each of|of every|in every|to each|within each|grouped by|group by|for each different|for each distinct|each of|for the different|for all the different|for different|each different|under each|per each|broken down by|with each|for all different|split by",
    ),
    (By, "by|according to|based on|in terms of"),
    (
        That,
        "that|who|which|whose|where|whom|such that|those who|those that|for which|in which|to which|of which|from which|on which|at which|with which|that is|who is|those whose|given that|when|during which|wherein|provided that|under which|among those|in whose|they",
    ),
    (
        With,
        "with|have|has|had|having|that have|who have|that has|who has|containing|contain|contains|contained|consisting of|owning|own|possess|possesses|get|holding|including|which have|which has|that had|who had|has had|have had|possessing|that contain|that contains|carrying|bearing",
    ),
    (
        Of,
        "of|for|about|among|out of|amongst|regarding|concerning|on behalf of|for all|in all|for all the|of all|of all the|of the|across",
    ),
    (
        In,
        "in|from|at|on|to|within|during|inside|into|through|via|around|as of|toward|towards|under the|against|near|throughout",
    ),
    (
        Order,
        "sorted by|sort by|ordered by|order by|ranked by|rank by|in order of|in the order of|sorted|ordered|sort|order|sort them by|order them by|ordering by|arranged by|sorting by|sort results by|order results by|sort the results by|order the results by|sort the list by|and sort by|arrange by|listed in order of|rank|sort the result by|order the result by|and order by|in order by|sort them|order them|list them in|listed by|sort it by|organized by",
    ),
    (
        Towards(Direction::Ascending),
        "ascending|in ascending order|ascending order|increasing|in increasing order|from lowest to highest|from smallest to largest|from low to high|asc|from least to greatest|from the lowest to the highest|from small to large|from youngest to oldest|from the youngest to the oldest|from young to old|from the young to the old|from earliest to latest|from short to long|lowest first|worst first|in an ascending order|increasing order|from low to high order|from shortest to longest|from least to most|lowest to highest|smallest first|earliest first|youngest to oldest|smallest to largest|from fewest to most|from early to late|in chronological order|chronologically|chronological order|from oldest to newest|from the earliest to the latest|from oldest to most recent|from the oldest to the most recent|from the oldest to the newest|from oldest to latest|from the oldest to the latest|oldest to newest|oldest to latest|oldest first|from light to heavy|from cheapest to most expensive|from small to big|from smaller to larger|from smaller to bigger|from lower to higher|from lowest to the highest|from the smallest to the largest|from the least to the most|from youngest to the oldest|from fewest to the most",
    ),
    (
        Towards(Direction::Descending),
        "descending|in descending order|descending order|decreasing|in decreasing order|from highest to lowest|from largest to smallest|from high to low|desc|from greatest to least|from the highest to the lowest|from large to small|from oldest to youngest|from the oldest to the youngest|from old to young|from the old to the young|from latest to earliest|from long to short|highest first|best first|biggest first|in a descending order|decreasing order|from longest to shortest|from most to least|highest to lowest|largest first|latest first|most recent first|oldest to youngest|largest to smallest|reverse order|in reverse order|from most recent to oldest|from the most recent to the oldest|from the newest to the oldest|from the latest to the earliest|from the latest to the oldest|from latest to oldest|from newest to oldest|newest first|most recent to least recent|from late to early|descendingly|in reverse|from most to fewest|most first|from heavy to light|in reverse alphabetical order|reverse alphabetical order|in reversed alphabetical order|in reverse alphabetic order|in reversed lexicographical order|in reverse lexicographical order|in reversed lexicographic order|in descending alphabetical order|reverse alphabetically|alphabetically in reverse|in reversed order|in descending lexicographical order|from big to small|from larger to smaller|from bigger to smaller|from higher to lower|from biggest to smallest|from the largest to the smallest|from the biggest to the smallest|from the most to the least|from most popular to least popular",
    ),
    (
        OrderTowards(Direction::Ascending),
        "in ascending order of|ascending order of|in increasing order of|increasing order of|ascending by|in ascending order by|ordered ascending by|in the ascending order of|sorted ascending by|in an ascending order of|in ascending of|sorted in ascending order of|sorted in ascending order by|ordered in ascending order of|ordered in ascending order by|in chronological order of|by increasing|by ascending|sort in ascending order by|ordered by ascending|sorted by ascending|ordered by increasing|sorted by increasing|in order of increasing|in order of ascending|from lowest to highest by|in increasing order by",
    ),
    (
        OrderTowards(Direction::Descending),
        "in descending order of|descending order of|in decreasing order of|decreasing order of|descending by|in descending order by|ordered descending by|in the descending order of|sorted descending by|in a descending order of|sorted in descending order of|sorted in descending order by|ordered in descending order of|ordered in descending order by|by decreasing|by descending|sort in descending order by|ordered by descending|sorted by descending|ordered by decreasing|sorted by decreasing|in order of decreasing|in order of descending|in decreasing order by|descending order by",
    ),
    (
        Alphabetical,
        "alphabetically|in alphabetical order|alphabetical order|in alphabetic order|in lexicographic order|lexicographically|alphabetical|lexicographical order|in lexicographical order|sorted alphabetically|ordered alphabetically|in ascending alphabetical order|ascending alphabetical order|alphabetic order|in alphabetical order of|in alphabetical order by|alphabetical order of|in ascending alphabetical order by|in lexicographical order of|in ascending lexicographical order|in lexicographic order of|alphabetically by|in alphabetical ascending order|in alphabetical order according to",
    ),
    (
        Text(TextPlace::Anywhere),
        "include letter|includes letter|include the letter|includes the letter|contain letter|contains letter|contain the letters|contains the letters|has the letter|have the letter|having the letter|with letter|contain the word|contains the word|containing the word|with the word|the word|includes the word|contain the substring|contains the substring|with substring|containing substring|the substring|substring|has the substring|the letter|contain the letter|contains the letter|with the letter|containing the letter|that contains the word|that contain the word|include the word|has the word|have the word|having the word|containing the phrase|the phrase|include the substring|that includes|including the word|the string|the text|contain the string|contains the string|includes",
    ),
    (
        Text(TextPlace::Start),
        "start with|starts with|starting with|begin with|begins with|beginning with|started with|starting from|that starts with|that start with|prefix|start with the letter|starts with the letter|starting with the letter|begins with the letter|beginning with the letter|begin with the letter|the prefix|start with letter|starts with letter|starting with letter",
    ),
    (
        Text(TextPlace::End),
        "end with|ends with|ending with|ending in|ends in|the suffix|suffix|ended with|end in|ends with the letter|ending with the letter",
    ),
    (
        Everything,
        "information|all information|info|all info|all the information|all details|all columns|all attributes|all fields|everything|all data|all the details|information of|information about|other information|other info|other details|other detail|all detail",
    ),
    (Empty, "null|missing|unknown|empty|blank|unspecified|undefined"),
    (
        Key::Change(Change::Share),
        "share of|share|percentage of|percentage|percent of|proportion of|proportion|percent|percentages of|contribution of|fraction of|shares of|as a share|as share|as shares|as a share of total|as a share of the total|as share of total|as a percentage|as percentage|as percentages|as a percentage of total|as a percentage of the total|as percent of total|in percent of total|in percent of the total|as a proportion|as a proportion of the total",
    ),
    (
        Key::Change(Change::Running),
        "running total of|running total|cumulative|cumulated|running sum of|running",
    ),
    (
        Key::Change(Change::Growth(None)),
        "growth|growth of|growth in|growth rate of|increase in|change in|growth rate|percentage growth of|growth by period",
    ),
    (
        Key::Change(Change::Growth(Some(Shift { months: 12, days: 0 }))),
        "year over year growth|year over year growth of|yoy growth|yoy growth of|annual growth of|year on year growth|year over year growth in|growth year over year|growth year on year|growth yoy|growth over last year|growth vs last year|growth over the year before|growth versus last year|growth compared to last year",
    ),
    (
        Key::Change(Change::Growth(Some(Shift { months: 1, days: 0 }))),
        "month over month growth|month over month growth of|mom growth|month on month growth|growth month over month|monthly growth of",
    ),
    (
        Key::Change(Change::Beside(Some(Shift { months: 12, days: 0 }))),
        "vs last year|versus last year|compared to last year|compared with last year|year over year|yoy|year on year|compared to the year before|vs the year before|vs previous year|compared to the previous year|versus the previous year|same period last year|compared to the same period last year|vs the same period last year|versus the same period last year|against last year|and the year before|compared to a year ago|vs same period last year",
    ),
    (
        Key::Change(Change::Beside(Some(Shift { months: 1, days: 0 }))),
        "vs last month|versus last month|compared to last month|compared with last month|month over month|mom|vs the month before|compared to the month before|compared to the same days last month|vs the same days last month|versus the same days last month|against last month|vs previous month",
    ),
    (
        Key::Change(Change::Beside(Some(Shift { months: 3, days: 0 }))),
        "vs last quarter|versus last quarter|compared to last quarter|compared with last quarter|quarter over quarter|qoq|vs the quarter before|against last quarter|vs previous quarter",
    ),
    (
        Key::Change(Change::Beside(Some(Shift { months: 0, days: 7 }))),
        "vs last week|versus last week|compared to last week|compared with last week|week over week|vs the week before|against last week",
    ),
    (Key::Versus, "vs|versus|compared to|compared with|against"),
    (Key::Grain(TimeGrain::Day), "day|days|date"),
    (Key::Grain(TimeGrain::Week), "week|weeks"),
    (Key::Grain(TimeGrain::Month), "month|months"),
    (Key::Grain(TimeGrain::Quarter), "quarter|quarters"),
    (Key::Grain(TimeGrain::Year), "year|years"),
    (Key::Every(TimeGrain::Day), "daily|day by day"),
    (Key::Every(TimeGrain::Week), "weekly|week by week"),
    (Key::Every(TimeGrain::Month), "monthly|month by month|over time|trend|trend of"),
    (Key::Every(TimeGrain::Quarter), "quarterly|quarter by quarter"),
    (Key::Every(TimeGrain::Year), "yearly|annually|year by year"),
    (
        Beyond,
        "ratio|difference|median|forecast|predict|why|delete|update|insert|drop|alter|truncate|remove|correlation|variance|compare|next|reason|reasons|because|explain|standard deviation|moving|rolling|likely|should|best way",
    ),
];

/// What people wrap a question in, and how it is to be shown: every answer has its chart.
const WRAPPING: &[(Key, &str)] = &[
    (
        Stop,
        "pls|plz|kindly|thank you|thank|thanks a lot|thanks in advance|i wonder|i was wondering|i am wondering|i m wondering|wondering|i am interested in|i m interested in|interested in|do you know|quick question|good morning|good afternoon|if possible|for me|as a chart|as a graph|as a table|as a bar chart|as a line chart|as a pie chart|in a chart|in a graph|as chart|as table|as a list|on a chart|still|at the moment|at present",
    ),
    (
        Towards(Direction::Descending),
        "from the most recent to the oldest|from the newest to the oldest|from the latest to the earliest|slowest first|longest first|most expensive first|latest ones first|biggest first|largest first|highest first",
    ),
    (
        Towards(Direction::Ascending),
        "fastest first|shortest first|cheapest first|smallest first|lowest first|fewest first",
    ),
    (
        Ask,
        "i d like to see|i would like to see|i want to see|i want to know|i would like to know|i need to know|i need|can i see|can i get|can i have|can we see|could i see|could i get|could you tell me|could you show me|can you tell me|can you show me|can you give me|could you give me|would you tell me|would you show me|please show me|please tell me|please give me|show us|tell us|give us|let me see|let us see|let me know|get a|pull up|look at|have a look at|plot the|plot our|chart the|chart of|a chart of|graph of|a graph of|draw a chart of|make a chart of",
    ),
];

/// How many words the longest phrase has.
pub(crate) const LONGEST: usize = 7;

static BY_PHRASE: LazyLock<HashMap<&'static str, Key>> = LazyLock::new(|| {
    let mut known = HashMap::new();
    for (key, phrases) in PHRASES.iter().chain(WRAPPING) {
        for phrase in phrases.split('|') {
            known.entry(phrase).or_insert(*key);
        }
    }
    known
});

/// The one word of the list that a longer word is a slip of.
pub(crate) fn slip_of(typed: &str) -> Option<&'static str> {
    let fits = |phrase: &&&str| {
        !phrase.contains(' ') && phrase.len() > 4 && crate::spelling::is_slip_of(typed, phrase, 1)
    };
    let mut found = BY_PHRASE.keys().filter(fits);
    found.next().filter(|_| found.next().is_none()).copied()
}

/// What a phrase of folded words does.
pub(crate) fn key(phrase: &str) -> Option<Key> {
    BY_PHRASE.get(phrase).copied()
}
