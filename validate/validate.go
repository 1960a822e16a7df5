// Package validate turns one row into one operation or a list of problems, by the mapping, the schema of the object and the picklists.
//
// Compile binds the header of a table to the fields of a schema once (mapping
// file, --set, plain header names) and returns a Checker; Checker.Check then
// turns each row into an Operation, whose Item is the canonical JSON that will
// be sent, or says what is wrong with it. A bad row is data: Check never fails,
// it returns Problems, all of them, each with its place and its mend, and
// Groups folds those that are alike. Scouts go ahead of a Checker on other
// processors and find the rows with nothing wrong. A table that cannot be bound at all is a
// *MissingColumnError or a *ColumnError. LoadMapping and ReadIDMap read the two
// files that help: how columns become fields, and which names have which ids.
// What a field takes is said once, in its schema; MappingHelp and Fields are
// the reference of it for people. For the way back ResolveSelect, Terms and
// Labels put the same names into the API's words, and its ids into names.
package validate

import (
	"gsbatch/gainsight"
	"gsbatch/readers"
)

// Action is what an operation does to its record.
type Action string

// The actions. What was sent is told by the action, what became of it by the run.
const (
	Create Action = "create"
	Update Action = "update"
	// Nothing is the action of a row that has a Gsid and no other value: no call
	// is made for it, its record is unchanged.
	Nothing Action = "nothing"
	// Delete takes a template or a metric away. The API deletes no goals.
	Delete Action = "delete"
)

// Mode chooses the action of a row.
type Mode string

// The modes of --mode.
const (
	Auto       Mode = "auto"   // a row with a Gsid updates, one without creates
	CreateOnly Mode = "create" // a Gsid is a problem
	UpdateOnly Mode = "update" // no Gsid is a problem
	Upsert     Mode = "upsert" // as Auto; the caller finds the record of a row without a Gsid, see CheckUpdate
	// DeleteOnly deletes the record of every row's Gsid; other columns are left
	// alone. It is no mode of --mode.
	DeleteOnly Mode = "delete"
)

// Config is what Compile needs beside the table. Its zero value checks goals
// in mode auto against no picklists.
type Config struct {
	Object          string // goals (""), templates, metrics
	Mode            Mode
	Mapping         *Mapping // nil: headers alone
	Set             []Constant
	Picklists       *gainsight.Picklists
	IDs             *IDMap // nil: names are left to the server
	DateFormat      string // DD/MM/YYYY …; "" infers by column, and refuses an ambiguous one
	ClearToken      string // a cell of this text clears its field; "" none
	BlankError      bool   // --blank error: a blank cell in a mapped column is a problem
	OnUnknownColumn string // error (""), warn, ignore
	AllowDuplicates bool   // --on-duplicate create: two rows of one natural key are allowed
	Reserved        string // --marker-field: a custom field that neither columns nor constants may set
	FirstMatch      bool   // --multi-match first: FIRSTMATCH in lookups, else MARKASERROR
}

// Constant is a field set for every row (--set FIELD=VALUE).
type Constant struct{ Field, Value string }

// Operation is what is to be done for one row. Its slices and strings are valid
// until the next Check, but ServerNames and Lookups for good.
type Operation struct {
	Action Action
	Gsid   string // update, delete: the record's Gsid
	Name   string // the record's name where the row has one
	// Item is the canonical JSON of the element of "requests", for a delete that
	// of "recordIds"; equal rows give equal bytes. Lookups is the JSON of "lookups", nil when ids are given; it
	// is one of few values and shared by all rows that use the same columns.
	Item    []byte
	Lookups []byte
	// Key is the hash of the natural key of a create: EntityType, parent (its
	// id, or its folded name where no id is known) and folded Name, of templates
	// and metrics the folded name alone. Zero for updates and deletes.
	Key [16]byte
	// ServerNames are the names in this row that only the server can resolve,
	// as object and name ("company IBM"), one string; empty when ids are given.
	// Rows of equal ServerNames fail or succeed alike at the server's lookup.
	ServerNames string
	// Compare are the fields that place the goal, in an update, which does not
	// send them: a difference from the record is the row's problem. A parent
	// known by name alone stands as CompanyName, RelationshipName, OpportunityName.
	Compare []gainsight.Field
	// Inactive are the fields of Item, in an update, whose picklist item is
	// inactive: the record may have it already, but it must not be written anew.
	Inactive []string
	// ModifiedDate is the row's ModifiedDate in epoch milliseconds, 0 if it has none.
	ModifiedDate int64
}

// Problem is what is wrong with a cell or a row.
type Problem struct {
	Place   readers.Place
	Line    int    // Row.Line; 0 for the header
	Header  string // of the column, "" for the whole row
	Column  int    // index of the cell in the row, -1 for the whole row
	Field   string // API field, "" where the column has none
	Code    string // short and stable: unknown-status, ambiguous-date …
	Value   string // the cell's text, shortened to at most 120 characters
	Message string // what is wrong, with the value: status "Ontrack" is not in this tenant; closest: "On Track"
	Mend    string // what to do, with the mapping line to paste where a value map would do
	Closest string // the valid name nearest to Value, "" if none is near
	Warning bool   // told, but the row is sent
}
