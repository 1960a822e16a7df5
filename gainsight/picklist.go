package gainsight

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
)

// Picklists is what a tenant allows in the status, goal type and metric columns.
// The lists are in the tenant's display order.
type Picklists struct {
	GoalTypes []GoalType
	Statuses  []Status
	Metrics   []Metric
}

// Status is one item of the picklist category GOAL_STATUS.
type Status struct {
	Gsid   string
	Name   string // as delivered: outer blanks are part of it
	Active bool
}

// GoalType is one item of the picklist category GOAL_TYPE.
type GoalType struct {
	Gsid   string
	Name   string
	Active bool
	// StatusIDs are the Gsids of the statuses linked to this type. Linked says
	// that the tenant delivered the linkage; where it is false any status fits.
	StatusIDs []string
	Linked    bool
	// MetricIDs, MetricsLinked: the same for metrics.
	MetricIDs     []string
	MetricsLinked bool
	// EntityIDs are the entities the type is offered for: COMPANY,
	// RELATIONSHIP type ids, or ALL_ENTITY.
	EntityIDs []string
}

// Metric is one metric of the tenant.
type Metric struct {
	Gsid          string
	Name          string
	UnitOfMeasure string // DECIMAL, PERCENTAGE, CURRENCY, or "" when not delivered
	Active        bool
	Description   string // HTML; "" when not delivered
}

// Hash is the same for picklists that allow the same, in whatever order it was
// delivered: 64 hexadecimal digits. Descriptions of metrics don't count.
func (p *Picklists) Hash() string {
	var lines []string
	for _, s := range p.Statuses {
		lines = append(lines, line("status", s.Gsid, s.Name, strconv.FormatBool(s.Active)))
	}
	for _, m := range p.Metrics {
		lines = append(lines, line("metric", m.Gsid, m.Name, m.UnitOfMeasure, strconv.FormatBool(m.Active)))
	}
	for _, t := range p.GoalTypes {
		lines = append(lines, line("type", t.Gsid, t.Name, strconv.FormatBool(t.Active),
			strconv.FormatBool(t.Linked), set(t.StatusIDs),
			strconv.FormatBool(t.MetricsLinked), set(t.MetricIDs), set(t.EntityIDs)))
	}
	slices.Sort(lines)
	sum := sha256.New()
	for _, l := range lines {
		_, _ = sum.Write([]byte(l)) // a hash's Write returns no error
		_, _ = sum.Write([]byte{'\n'})
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// line quotes the parts, so that no name can look like two.
func line(parts ...string) string { return string(appendStrings(nil, parts)) }

func set(ids []string) string {
	sorted := slices.Clone(ids)
	slices.Sort(sorted)
	return line(slices.Compact(sorted)...)
}

// inOrder sorts by display order, then name, then Gsid; the delivered order means nothing.
func inOrder(items []picklistItem) {
	slices.SortStableFunc(items, func(a, b picklistItem) int {
		return cmp.Or(cmp.Compare(a.Order, b.Order), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Gsid, b.Gsid))
	})
}
