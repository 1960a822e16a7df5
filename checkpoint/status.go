package checkpoint

// Status is what became of a row. The words are those of the reports.
type Status string

// The statuses of rows.
const (
	Pending   Status = "pending"
	Created   Status = "created"
	Updated   Status = "updated"
	Deleted   Status = "deleted"
	Unchanged Status = "unchanged"
	Rejected  Status = "rejected"
	Invalid   Status = "invalid"
	Skipped   Status = "skipped"
	Stale     Status = "stale"
	InDoubt   Status = "in_doubt"
	Parked    Status = "parked"
)

// Counts counts rows by status.
type Counts struct {
	Rows      int `json:"rows"`
	Created   int `json:"created"`
	Updated   int `json:"updated"`
	Deleted   int `json:"deleted"`
	Unchanged int `json:"unchanged"`
	Rejected  int `json:"rejected"`
	Invalid   int `json:"invalid"`
	Skipped   int `json:"skipped"`
	Stale     int `json:"stale"`
	InDoubt   int `json:"in_doubt"`
	Parked    int `json:"parked"`
	Pending   int `json:"pending"`
}

// Of is the count of one status, for adding to.
func (c *Counts) Of(s Status) *int {
	switch s {
	case Created:
		return &c.Created
	case Updated:
		return &c.Updated
	case Deleted:
		return &c.Deleted
	case Unchanged:
		return &c.Unchanged
	case Rejected:
		return &c.Rejected
	case Invalid:
		return &c.Invalid
	case Skipped:
		return &c.Skipped
	case Stale:
		return &c.Stale
	case InDoubt:
		return &c.InDoubt
	case Parked:
		return &c.Parked
	}
	return &c.Pending
}

// Whole says that every row is counted, once: it is false where the counting
// was cut short.
func (c Counts) Whole() bool { return c.sum() == c.Rows }

// sum is how many rows are in a status.
func (c Counts) sum() int {
	return c.Created + c.Updated + c.Deleted + c.Unchanged + c.Rejected + c.Invalid +
		c.Skipped + c.Stale + c.InDoubt + c.Parked + c.Pending
}
