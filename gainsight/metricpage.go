package gainsight

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// metricPage is a page of metrics. The API has no fetch of metrics: the
// picklist of goal types lists them all, in one call, and what is asked for is
// chosen here. Conditions compare with EQ or GTE and hold all of them.
//
// A metric has the fields that the tenant delivers, and under the names that
// goals have Gsid, Name, CreatedDate, CreatedById, ModifiedDate, ModifiedById.
// associateGoalTypes are the Gsids of the goal types that it is linked to, and
// absent where the tenant tells no links.
func (c *Client) metricPage(ctx context.Context, q *Query, page, size int) (Page, error) {
	body := []byte(`{"entityIds":["ALL_ENTITY","COMPANY"],"active":false,"includeMetrics":true,"includeChildPicklist":false,"picklistCategory":"GOAL_TYPE"}`)
	answer, err := c.askPicklist(ctx, body)
	if err != nil {
		return Page{}, err
	}
	var data picklistData
	if err := data.add(answer, "GOAL_TYPE"); err != nil {
		return Page{}, fmt.Errorf("%s: %w", c.picklist.op, err)
	}
	for i := range data.types {
		eachItem(data.types[i].Metrics, data.types[i].Gsid, data.addMetric)
		for _, id := range collectIDs(nil, data.types[i].MetricIDs) {
			data.own(data.types[i].Gsid, id)
		}
	}
	var found []Goal
	for _, it := range unique(data.metrics) {
		g := data.metricGoal(&it)
		holds, err := q.holds(&g)
		if err != nil {
			return Page{}, err
		}
		if holds {
			found = append(found, g)
		}
	}
	slices.SortFunc(found, func(a, b Goal) int { return cmp.Compare(a.Gsid, b.Gsid) })
	from := min((page-1)*size, len(found))
	return Page{Goals: found[from:min(from+size, len(found))], ServerTime: c.ServerTime()}, nil
}

// own notes that a goal type has a metric.
func (d *picklistData) own(owner, metric string) {
	if d.owned == nil {
		d.owned = map[string][]string{}
	}
	if !slices.Contains(d.owned[owner], metric) {
		d.owned[owner] = append(d.owned[owner], metric)
	}
}

func (d *picklistData) metricGoal(it *picklistItem) Goal {
	g := Goal{Gsid: it.Gsid, Fields: map[string]json.RawMessage{}}
	alias := map[string]string{"gsid": "Gsid", "name": "Name", "createdAt": "CreatedDate", "modifiedAt": "ModifiedDate", "createdBy": "CreatedById", "modifiedBy": "ModifiedById"}
	for _, m := range members(it.raw) {
		if string(m.value) == "null" {
			continue
		}
		g.Fields[m.key] = m.value
		if name := alias[m.key]; name != "" {
			g.Fields[name] = m.value
		}
	}
	var types []string
	for owner, metrics := range d.owned {
		if slices.Contains(metrics, it.Gsid) {
			types = append(types, owner)
		}
	}
	if len(d.owned) > 0 {
		slices.Sort(types)
		g.Fields["associateGoalTypes"] = appendStrings(nil, types)
	}
	return g
}

// holds says whether a metric fulfils every condition of the query.
func (q *Query) holds(g *Goal) (bool, error) {
	for i := range q.Where {
		c := &q.Where[i]
		has := g.Text(c.Field)
		matches := func(want string) bool { return strings.EqualFold(has, want) }
		switch c.Operator {
		case "EQ":
		case "GTE":
			matches = func(want string) bool {
				a, errA := strconv.ParseFloat(has, 64)
				b, errB := strconv.ParseFloat(want, 64)
				return errA == nil && errB == nil && a >= b
			}
		default:
			return false, fmt.Errorf("metrics by %s %s: the tenant lists all metrics, and only EQ and GTE choose among them", c.Field, c.Operator)
		}
		if !slices.ContainsFunc(c.Values, func(v Value) bool { return matches(text(v.AppendJSON(nil))) }) {
			return false, nil
		}
	}
	return true, nil
}
