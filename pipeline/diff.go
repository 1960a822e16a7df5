package pipeline

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"gsbatch/checkpoint"
	"gsbatch/gainsight"
	"gsbatch/validate"
)

// DiffMode says when a plan is compared with what the tenant holds.
type DiffMode string

// The choices of --diff.
const (
	DiffAuto   DiffMode = "auto"   // where reading costs fewer calls than it may save
	DiffAlways DiffMode = "always" // whatever it costs
	DiffNever  DiffMode = "never"
)

// OnStale says what becomes of an update whose goal somebody edited since.
type OnStale string

// The choices of --on-stale.
const (
	StaleSkip      OnStale = "skip"
	StaleFail      OnStale = "fail"
	StaleOverwrite OnStale = "overwrite"
)

// aside is what an update says of its goal and does not send (Op.Aside).
type aside struct {
	Compare  map[string]string `json:"compare,omitempty"`  // fields that place the goal
	Inactive []string          `json:"inactive,omitempty"` // fields whose picklist item is inactive
}

// image is the Doc of a before-image.
type image struct {
	Name   string                     `json:"name"`
	Fields map[string]json.RawMessage `json:"fields"` // of the fields to be changed what they hold; null for nothing
}

// asideOf is the aside of an update, "" where it has none.
func asideOf(op *validate.Operation) string {
	if op.Action == validate.Create || len(op.Compare)+len(op.Inactive) == 0 {
		return ""
	}
	a := aside{Inactive: op.Inactive}
	for _, f := range op.Compare {
		if a.Compare == nil {
			a.Compare = map[string]string{}
		}
		a.Compare[f.Name] = textOf(f.Value.AppendJSON(nil))
	}
	doc, err := json.Marshal(a)
	if err != nil {
		return "" // strings always marshal
	}
	return string(doc)
}

// comparison compares one update with its goal.
type comparison struct {
	of      object
	change  *checkpoint.Change
	goal    *gainsight.Goal
	refused map[string]bool // fields that the tenant does not let us read
	learned learned
	onStale OnStale
}

// result is what a comparison comes to.
type result struct {
	revision checkpoint.Revision
	equal    bool // the goal has all values already
	line     int
	problem  *validate.Problem
}

// run compares. What cannot be read back is sent as it is.
func (c *comparison) run() (result, error) {
	if c.change.Action == string(validate.Delete) {
		return c.deletion()
	}
	p, err := parsePayload(c.change.Line, c.change.Item)
	if err != nil {
		return result{}, err
	}
	res := result{revision: checkpoint.Revision{Seq: c.change.Seq}}
	if c.misplaced(&res) {
		return res, nil
	}
	before := image{Name: c.goal.Text("Name"), Fields: map[string]json.RawMessage{}}
	p.Record = c.differing(p.Record, before.Fields)
	ctas, sps := c.goal.CTAIDs(), c.goal.SPIDs()
	p.Association = links{without(p.Association.CTA, ctas), without(p.Association.SP, sps)}
	// A goal that shows no link may be one whose links cannot be read.
	if len(ctas) > 0 {
		p.Dissociation.CTA = within(p.Dissociation.CTA, ctas)
	}
	if len(sps) > 0 {
		p.Dissociation.SP = within(p.Dissociation.SP, sps)
	}
	if has, known := typesOf(c.goal); known {
		p.Add, p.Off = without(p.Add, has), within(p.Off, has)
	}
	if p.idle() {
		res.equal = true
		res.revision.Fate = &checkpoint.Fate{Status: checkpoint.Unchanged, Gsid: c.change.Gsid, Code: "as-is", Reason: "the " + c.of.noun() + " has these values already"}
		return res, nil
	}
	if c.stale(&res) || c.inactive(&p, &res) {
		return res, nil
	}
	if res.revision.Before, err = c.before(before); err != nil {
		return res, err
	}
	if item := p.item(); item != c.change.Item {
		op := c.change.Op
		op.Item = item
		op.Hash = validate.PayloadHash(string(c.of), validate.Action(op.Action), op.Gsid, op.Item, op.Lookups)
		res.revision.Op = &op
	}
	return res, nil
}

// before is what the goal was found to be.
func (c *comparison) before(was image) (*checkpoint.Before, error) {
	doc, err := json.Marshal(was)
	if err != nil {
		return nil, fmt.Errorf("row %d: before-image: %w", c.change.Line, err)
	}
	modified, _ := millis(c.goal, "ModifiedDate")
	return &checkpoint.Before{Modified: modified, ModifiedBy: c.goal.Text("ModifiedById"), Doc: string(doc)}, nil
}

// deletion keeps what is to be deleted.
func (c *comparison) deletion() (result, error) {
	res := result{revision: checkpoint.Revision{Seq: c.change.Seq}}
	var err error
	res.revision.Before, err = c.before(image{Name: c.goal.Text("Name"), Fields: maps.Clone(c.goal.Fields)})
	return res, err
}

// differing are the members of a record to be sent; before gets what their
// fields hold, of those that can be read.
func (c *comparison) differing(record members, before map[string]json.RawMessage) members {
	blind := append(lookupKeys(c.change.Lookups), "Gsid", "gsid")
	var kept members
	for _, m := range record {
		readable := !unreadable(m.name) && !c.refused[m.name] && !slices.Contains(blind, m.name)
		if readable && sameValue(m.name, m.raw, c.goal.Fields[m.name]) {
			continue
		}
		kept = append(kept, m)
		if !readable {
			continue
		}
		if before[m.name] = json.RawMessage("null"); c.goal.Text(m.name) != "" {
			before[m.name] = slices.Clone(c.goal.Fields[m.name])
		}
	}
	return kept
}

// misplaced makes it a problem that the row places the goal elsewhere.
func (c *comparison) misplaced(res *result) bool {
	a := c.aside()
	for _, field := range append(parentFields(), "EntityType") {
		want, has := a.Compare[field], c.goal.Text(field)
		if want == "" {
			name := strings.TrimSuffix(field, "Id") + "Name"
			if text := a.Compare[name]; text != "" {
				want = c.learned.id(strings.ToLower(strings.TrimSuffix(field, "Id"))+" "+text, field)
			}
		}
		if want == "" || has == "" || c.refused[field] || strings.EqualFold(want, has) {
			continue
		}
		res.problem = &validate.Problem{Field: field, Code: "other-" + strings.ToLower(field), Value: want,
			Message: fmt.Sprintf("%s of goal %s is %s in the tenant, and %s in the row", field, c.change.Gsid, has, want),
			Mend:    "check that the row has the right Gsid; an import does not move a goal: correct the cell, or leave it blank"}
		return true
	}
	return false
}

func (c *comparison) aside() aside {
	var a aside
	if c.change.Aside != "" {
		_ = json.Unmarshal([]byte(c.change.Aside), &a) // as asideOf wrote it
	}
	return a
}

// stale decides about a row whose file is older than its goal. Files tell times
// to the second or better, so seconds are compared.
func (c *comparison) stale(res *result) bool {
	modified, known := millis(c.goal, "ModifiedDate")
	if !known || c.change.Modified == 0 || modified/1000 <= c.change.Modified/1000 || c.onStale == StaleOverwrite {
		return false
	}
	reason := fmt.Sprintf("%s %s was modified at %s%s, after the ModifiedDate of the row (%s)", c.of.noun(), c.change.Gsid, clock(modified), by(c.goal.Text("ModifiedById")), clock(c.change.Modified))
	if c.onStale == StaleFail {
		res.problem = &validate.Problem{Field: "ModifiedDate", Code: "stale", Message: reason, Mend: "export the " + c.of.noun() + " again, or give --on-stale skip or overwrite"}
		return true
	}
	res.revision.Fate = &checkpoint.Fate{Status: checkpoint.Stale, Gsid: c.change.Gsid, Field: "ModifiedDate", Code: "stale", Reason: reason}
	return true
}

func clock(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05Z") }

func by(user string) string {
	if user == "" {
		return ""
	}
	return " by " + user
}

// inactive makes it a problem that a field is to get an inactive item.
func (c *comparison) inactive(p *payload, res *result) bool {
	for _, field := range c.aside().Inactive {
		if p.Record.text(field) != "" {
			problem := inactiveProblem(field)
			res.problem = &problem
			return true
		}
	}
	return false
}

// inactiveProblem is what is wrong with a row that writes an inactive item.
func inactiveProblem(field string) validate.Problem {
	return validate.Problem{Field: field, Code: "inactive", Message: "the " + field + " of this row is inactive in the tenant",
		Mend: "give an active one, or leave the cell blank to keep what the goal has"}
}
