package writers

import (
	"encoding/json"
	"fmt"
	"io"
	"time"
)

// SummarySchema is the version of the form of Summary, its schema_version.
const SummarySchema = 1

// Summary is the account of a run: summary.json, and what --json prints.
type Summary struct {
	SchemaVersion int        `json:"schema_version"` // set by EncodeSummary
	Run           string     `json:"run"`
	Command       string     `json:"command"`
	Emulated      bool       `json:"emulated"`
	Tenant        string     `json:"tenant"`
	Input         Input      `json:"input"`
	Counts        Counts     `json:"counts"`
	Calls         Calls      `json:"calls"`
	Seconds       float64    `json:"seconds"`
	ExitCode      int        `json:"exit_code"`
	ResumeAt      *time.Time `json:"resume_at"` // null when nothing is to be waited for
	Next          string     `json:"next"`      // the one command to run next; "" when done
	Forecast      *Forecast  `json:"forecast,omitempty"`
}

// Forecast is what carrying a plan out costs of the quota.
type Forecast struct {
	Calls  int        `json:"calls"`
	Days   *float64   `json:"days"`    // of the day's calls that writes may use; null without a daily limit
	DoneAt *time.Time `json:"done_at"` // null where it cannot be told
	Pauses []Pause    `json:"pauses"`  // in which the day's calls are used
}

// Pause is a time in which no call can be made.
type Pause struct {
	At    time.Time `json:"at"`
	Until time.Time `json:"until"`
}

// Input is the file that a run was made from.
type Input struct {
	Path   string `json:"path"`
	SHA256 string `json:"sha256"` // hex
	Rows   int    `json:"rows"`
}

// Calls is what a run cost of the quota.
type Calls struct {
	Total      int            `json:"total"`
	Saved      int            `json:"saved"` // writes left out because nothing had changed
	ByEndpoint map[string]int `json:"by_endpoint"`
	Throttled  int            `json:"throttled"`
	Retried    int            `json:"retried"`
}

// Counts is how many rows there are, and how many came to each end.
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

// Sum returns how many rows came to any end.
func (c Counts) Sum() int {
	return c.Created + c.Updated + c.Deleted + c.Unchanged + c.Rejected + c.Invalid +
		c.Skipped + c.Stale + c.InDoubt + c.Parked + c.Pending
}

// Check returns an error unless every row came to exactly one end: rows is the
// sum of the other counts, on every way out of a run.
func (c Counts) Check() error {
	if sum := c.Sum(); sum != c.Rows {
		return fmt.Errorf("counts: %d rows, but %d ends of rows: %+v", c.Rows, sum, c)
	}
	return nil
}

// EncodeSummary writes s to w as one indented JSON object and a line end. A
// summary whose counts do not add up is an error and writes nothing.
func EncodeSummary(w io.Writer, s Summary) error {
	if err := s.Counts.Check(); err != nil {
		return err
	}
	s.SchemaVersion = SummarySchema
	if s.Calls.ByEndpoint == nil {
		s.Calls.ByEndpoint = map[string]int{}
	}
	if s.ResumeAt != nil {
		// Never a moment too early: up to the next second.
		at := s.ResumeAt.UTC().Add(time.Second - 1).Truncate(time.Second)
		s.ResumeAt = &at
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(s)
}

// WriteSummary writes s to the file path, whole or not at all.
func WriteSummary(path string, s Summary, o FileOptions) error {
	f, err := Create(path, o)
	if err != nil {
		return err
	}
	defer f.Abort()
	if err := EncodeSummary(f, s); err != nil {
		return newError(path, "write", err)
	}
	return f.Commit()
}
