//! Where strips keep their outlets: the tables of their makers.

use async_snmp::Oid;
use ironhand_api::{PduModel, PowerOids};

/// Where one kind of strip tells and takes the state of its outlets.
///
/// Each outlet has a row: the indices of its line in the tables, such as `12` or `1.1.12`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Table {
    /// The column of the states.
    pub(super) status: Oid,
    /// What it reads for an outlet that is on.
    pub(super) is_on: i32,
    /// What it reads for one that is off. Anything else, as while an outlet waits for its turn, is neither.
    pub(super) is_off: i32,
    /// Switches on.
    pub(super) on: Command,
    /// Switches off.
    pub(super) off: Command,
    /// The columns of names, the one that people write first.
    pub(super) names: Vec<Oid>,
    /// What stands before the number of an outlet in its row: the strip or the tower among several linked ones.
    before: Vec<u32>,
    /// What follows the row in the columns of states and commands.
    after: Vec<u32>,
    /// What follows the row in the columns of names.
    after_name: Vec<u32>,
}

/// What is written where to switch an outlet.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Command {
    column: Oid,
    pub(super) value: i32,
}

/// A row of [`Table`] as it is written down here.
struct Known {
    model: PduModel,
    /// The maker's number among the enterprises, by which a strip that is asked says what it is.
    enterprise: u32,
    status: &'static [u32],
    is_on: i32,
    is_off: i32,
    on: (&'static [u32], i32),
    off: (&'static [u32], i32),
    names: &'static [&'static [u32]],
    before: &'static [u32],
    after: &'static [u32],
    after_name: &'static [u32],
}

/// `iso.org.dod.internet.private.enterprises`, above all that makers define.
const ENTERPRISES: [u32; 6] = [1, 3, 6, 1, 4, 1];

/// Below [`ENTERPRISES`]; of one model the table that tells most comes first.
const KNOWN: &[Known] = &[
    // PowerNet-MIB, rPDU2OutletSwitched.
    Known {
        model: PduModel::Apc,
        enterprise: 318,
        status: &[1, 1, 26, 9, 2, 3, 1, 5],
        is_on: 2,
        is_off: 1,
        on: (&[1, 1, 26, 9, 2, 4, 1, 5], 1),
        off: (&[1, 1, 26, 9, 2, 4, 1, 5], 2),
        names: &[&[1, 1, 26, 9, 2, 3, 1, 3]],
        before: &[],
        after: &[],
        after_name: &[],
    },
    // PowerNet-MIB, rPDUOutletStatus and rPDUOutletControl.
    Known {
        model: PduModel::Apc,
        enterprise: 318,
        status: &[1, 1, 12, 3, 5, 1, 1, 4],
        is_on: 1,
        is_off: 2,
        on: (&[1, 1, 12, 3, 3, 1, 1, 4], 1),
        off: (&[1, 1, 12, 3, 3, 1, 1, 4], 2),
        names: &[&[1, 1, 12, 3, 5, 1, 1, 2]],
        before: &[],
        after: &[],
        after_name: &[],
    },
    // PowerNet-MIB, sPDUOutletCtl.
    Known {
        model: PduModel::ApcMasterSwitch,
        enterprise: 318,
        status: &[1, 1, 4, 4, 2, 1, 3],
        is_on: 1,
        is_off: 2,
        on: (&[1, 1, 4, 4, 2, 1, 3], 1),
        off: (&[1, 1, 4, 4, 2, 1, 3], 2),
        names: &[&[1, 1, 4, 4, 2, 1, 4]],
        before: &[],
        after: &[],
        after_name: &[],
    },
    // PDU2-MIB; a strip without others linked to it is number 1.
    Known {
        model: PduModel::Raritan,
        enterprise: 13742,
        status: &[6, 4, 1, 2, 1, 3],
        is_on: 7,
        is_off: 8,
        on: (&[6, 4, 1, 2, 1, 2], 1),
        off: (&[6, 4, 1, 2, 1, 2], 0),
        names: &[&[6, 3, 5, 3, 1, 3], &[6, 3, 5, 3, 1, 2]],
        before: &[1],
        after: &[],
        after_name: &[],
    },
    // PDU-MIB of the first generation.
    Known {
        model: PduModel::RaritanPx1,
        enterprise: 13742,
        status: &[4, 1, 2, 2, 1, 3],
        is_on: 1,
        is_off: 0,
        on: (&[4, 1, 2, 2, 1, 3], 1),
        off: (&[4, 1, 2, 2, 1, 3], 0),
        names: &[&[4, 1, 2, 2, 1, 2]],
        before: &[],
        after: &[],
        after_name: &[],
    },
    // Sentry4-MIB; unit and branch before the outlet. 0 means that the state is not known.
    Known {
        model: PduModel::Sentry4,
        enterprise: 1718,
        status: &[4, 1, 8, 3, 1, 1],
        is_on: 1,
        is_off: 2,
        on: (&[4, 1, 8, 5, 1, 2], 1),
        off: (&[4, 1, 8, 5, 1, 2], 2),
        names: &[&[4, 1, 8, 2, 1, 3], &[4, 1, 8, 2, 1, 2]],
        before: &[1, 1],
        after: &[],
        after_name: &[],
    },
    // Sentry3-MIB; tower and infeed before the outlet.
    Known {
        model: PduModel::Sentry3,
        enterprise: 1718,
        status: &[3, 2, 3, 1, 5],
        is_on: 1,
        is_off: 0,
        on: (&[3, 2, 3, 1, 11], 1),
        off: (&[3, 2, 3, 1, 11], 2),
        names: &[&[3, 2, 3, 1, 3], &[3, 2, 3, 1, 2]],
        before: &[1, 1],
        after: &[],
        after_name: &[],
    },
    // EATON-EPDU-MIB; the commands take seconds of delay, of which 0 is at once.
    Known {
        model: PduModel::Eaton,
        enterprise: 534,
        status: &[6, 6, 7, 6, 6, 1, 2],
        is_on: 1,
        is_off: 0,
        on: (&[6, 6, 7, 6, 6, 1, 4], 0),
        off: (&[6, 6, 7, 6, 6, 1, 3], 0),
        names: &[&[6, 6, 7, 6, 1, 1, 3], &[6, 6, 7, 6, 1, 1, 2]],
        before: &[0],
        after: &[],
        after_name: &[],
    },
    // The older managed ePDU.
    Known {
        model: PduModel::Eaton,
        enterprise: 534,
        status: &[6, 6, 6, 1, 2, 2, 1, 3],
        is_on: 1,
        is_off: 0,
        on: (&[6, 6, 6, 1, 2, 2, 1, 3], 1),
        off: (&[6, 6, 6, 1, 2, 2, 1, 3], 0),
        names: &[&[6, 6, 6, 1, 2, 2, 1, 2]],
        before: &[],
        after: &[],
        after_name: &[],
    },
    // The switched ePDU, made by Pulizzi.
    Known {
        model: PduModel::EatonSwitched,
        enterprise: 20677,
        status: &[2, 6, 3],
        is_on: 1,
        is_off: 2,
        on: (&[2, 6, 2], 1),
        off: (&[2, 6, 2], 2),
        names: &[&[2, 6, 1]],
        before: &[],
        after: &[0],
        after_name: &[1, 0],
    },
    // TRIPPLITE-PRODUCTS, tlpPduOutlet; the device before the outlet.
    Known {
        model: PduModel::TrippLite,
        enterprise: 850,
        status: &[1, 1, 3, 2, 3, 3, 1, 1, 4],
        is_on: 2,
        is_off: 1,
        on: (&[1, 1, 3, 2, 3, 3, 1, 1, 6], 2),
        off: (&[1, 1, 3, 2, 3, 3, 1, 1, 6], 1),
        names: &[&[1, 1, 3, 2, 3, 3, 1, 1, 2]],
        before: &[1],
        after: &[],
        after_name: &[],
    },
    // The older TRIPPLITE-MIB.
    Known {
        model: PduModel::TrippLite,
        enterprise: 850,
        status: &[10, 2, 3, 5, 1, 2],
        is_on: 2,
        is_off: 1,
        on: (&[10, 2, 3, 5, 1, 4], 2),
        off: (&[10, 2, 3, 5, 1, 4], 1),
        names: &[&[10, 2, 3, 5, 1, 5]],
        before: &[1],
        after: &[],
        after_name: &[],
    },
];

impl Known {
    fn table(&self) -> Table {
        let column = |below: &[u32]| {
            Oid::new(ENTERPRISES.into_iter().chain([self.enterprise]).chain(below.iter().copied()))
        };
        let command = |(below, value): (&[u32], i32)| Command { column: column(below), value };
        Table {
            status: column(self.status),
            is_on: self.is_on,
            is_off: self.is_off,
            on: command(self.on),
            off: command(self.off),
            names: self.names.iter().map(|below| column(below)).collect(),
            before: self.before.to_vec(),
            after: self.after.to_vec(),
            after_name: self.after_name.to_vec(),
        }
    }
}

impl Table {
    /// The tables that a strip of a model may have, the likeliest first; none for `generic`.
    pub(super) fn of_model(model: PduModel) -> Vec<Self> {
        KNOWN.iter().filter(|known| known.model == model).map(Known::table).collect()
    }

    /// The tables that a strip may have which says that it is `object`; none where its maker is not known.
    pub(super) fn of_object(object: &Oid) -> Vec<Self> {
        let Some(below) = object.strip_prefix(&Oid::from_slice(&ENTERPRISES)) else { return Vec::new() };
        let enterprise = below.arcs().first().copied();
        KNOWN.iter().filter(|known| Some(known.enterprise) == enterprise).map(Known::table).collect()
    }

    /// The table that a manifest describes, if its object identifiers are ones.
    pub(super) fn generic(oids: &PowerOids) -> Option<Self> {
        let status = Oid::parse(&oids.status).ok()?;
        let control = Oid::parse(&oids.control).ok()?;
        Some(Self {
            status,
            is_on: oids.on,
            is_off: oids.off,
            on: Command { column: control.clone(), value: oids.set_on.unwrap_or(oids.on) },
            off: Command { column: control, value: oids.set_off.unwrap_or(oids.off) },
            names: Vec::new(),
            before: Vec::new(),
            after: Vec::new(),
            after_name: Vec::new(),
        })
    }

    /// The row of the outlet with a number.
    pub(super) fn row_of_number(&self, number: u32) -> Row {
        Row([&self.before[..], &[number]].concat())
    }

    /// The object that tells the state of an outlet.
    pub(super) fn state_of(&self, row: &Row) -> Oid {
        below(&self.status, &row.0, &self.after)
    }

    /// The object that switches an outlet.
    pub(super) fn switch(&self, command: &Command, row: &Row) -> Oid {
        below(&command.column, &row.0, &self.after)
    }

    /// The row whose name an object of a column tells.
    pub(super) fn row_of_name(&self, column: &Oid, object: &Oid) -> Option<Row> {
        let below = object.strip_prefix(column)?;
        let row = below.arcs().strip_suffix(&self.after_name[..])?;
        (!row.is_empty()).then(|| Row(row.to_vec()))
    }
}

fn below(column: &Oid, row: &[u32], after: &[u32]) -> Oid {
    Oid::new([column.arcs(), row, after].concat())
}

/// The indices of an outlet in the tables of its strip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row(Vec<u32>);

impl Row {
    /// Indices as a manifest writes them: `1.1.12`. Anything else is a name.
    pub(super) fn of_indices(text: &str) -> Option<Self> {
        text.split('.').map(|part| part.parse().ok()).collect::<Option<Vec<u32>>>().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks the objects of an outlet of a model: state, on, off, first name.
    fn check(model: PduModel, at: usize, number: u32, wanted: [&str; 4]) {
        let table = &Table::of_model(model)[at];
        let row = table.row_of_number(number);
        let [state, on, off, name] = wanted.map(|text| Oid::parse(&format!("1.3.6.1.4.1.{text}")).unwrap());
        assert_eq!(table.state_of(&row), state, "{model:?}");
        assert_eq!(table.switch(&table.on, &row), on, "{model:?}");
        assert_eq!(table.switch(&table.off, &row), off, "{model:?}");
        assert_eq!(table.row_of_name(&table.names[0], &name), Some(row), "{model:?}");
    }

    #[test]
    fn outlets_are_found_in_the_tables_of_each_maker() {
        let apc = "318.1.1.26.9.2.4.1.5.24";
        check(PduModel::Apc, 0, 24, ["318.1.1.26.9.2.3.1.5.24", apc, apc, "318.1.1.26.9.2.3.1.3.24"]);
        let rpdu = "318.1.1.12.3.3.1.1.4.3";
        check(PduModel::Apc, 1, 3, ["318.1.1.12.3.5.1.1.4.3", rpdu, rpdu, "318.1.1.12.3.5.1.1.2.3"]);
        let raritan = "13742.6.4.1.2.1.2.1.4";
        check(PduModel::Raritan, 0, 4, ["13742.6.4.1.2.1.3.1.4", raritan, raritan, "13742.6.3.5.3.1.3.1.4"]);
        let sentry = "1718.3.2.3.1.11.1.1.8";
        check(PduModel::Sentry3, 0, 8, ["1718.3.2.3.1.5.1.1.8", sentry, sentry, "1718.3.2.3.1.3.1.1.8"]);
        check(
            PduModel::Eaton,
            0,
            2,
            [
                "534.6.6.7.6.6.1.2.0.2",
                "534.6.6.7.6.6.1.4.0.2",
                "534.6.6.7.6.6.1.3.0.2",
                "534.6.6.7.6.1.1.3.0.2",
            ],
        );
        let pulizzi = "20677.2.6.2.5.0";
        check(PduModel::EatonSwitched, 0, 5, ["20677.2.6.3.5.0", pulizzi, pulizzi, "20677.2.6.1.5.1.0"]);
        let tripp_lite = "850.1.1.3.2.3.3.1.1.6.1.7";
        check(
            PduModel::TrippLite,
            0,
            7,
            ["850.1.1.3.2.3.3.1.1.4.1.7", tripp_lite, tripp_lite, "850.1.1.3.2.3.3.1.1.2.1.7"],
        );
    }

    #[test]
    fn a_strip_that_says_what_it_is_has_the_tables_of_its_maker() {
        let tables = |text: &str| Table::of_object(&Oid::parse(text).unwrap());
        let apc = tables("1.3.6.1.4.1.318.1.3.4.6");
        assert_eq!(apc[..2], Table::of_model(PduModel::Apc));
        assert_eq!(apc[2..], Table::of_model(PduModel::ApcMasterSwitch));
        assert_eq!(tables("1.3.6.1.4.1.1718.3")[1..], Table::of_model(PduModel::Sentry3));
        assert_eq!(tables("1.3.6.1.4.1.8072.3.2.10"), []);
        assert_eq!(tables("1.3.6.1.2"), []);
    }

    #[test]
    fn each_model_but_the_generic_one_has_a_table_whose_on_is_not_off() {
        for known in KNOWN {
            let table = known.table();
            assert_ne!(table.is_on, table.is_off, "{table:?}");
            assert_ne!(table.on, table.off, "{table:?}");
        }
        assert_eq!(Table::of_model(PduModel::Generic), []);
    }

    #[test]
    fn indices_are_numbers_with_dots_between() {
        assert_eq!(Row::of_indices("1.1.12"), Some(Row(vec![1, 1, 12])));
        assert_eq!(Row::of_indices("7"), Some(Row(vec![7])));
        for name in ["", "1.", "A1", "1.1.x", "-1", "rack 7", "99999999999"] {
            assert_eq!(Row::of_indices(name), None, "{name}");
        }
    }
}
