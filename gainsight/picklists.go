package gainsight

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
)

// Picklists fetches goal types with their statuses and metrics, inactive ones
// included, and then all statuses: two calls. The specification leaves the
// method blank: POST is tried, and GET with the same body where that is
// answered with 404 or 405; which one worked is remembered.
func (c *Client) Picklists(ctx context.Context) (*Picklists, error) {
	var found picklistData
	for _, category := range []string{"GOAL_TYPE", "GOAL_STATUS"} {
		types := category == "GOAL_TYPE"
		body := fmt.Appendf(nil, `{"entityIds":["ALL_ENTITY","COMPANY"],"active":false,"includeMetrics":%t,"includeChildPicklist":%t,"picklistCategory":%q}`,
			types, types, category)
		answer, err := c.askPicklist(ctx, body)
		if err != nil {
			return nil, err
		}
		if err := found.add(answer, category); err != nil {
			return nil, fmt.Errorf("%s: %s: %w", c.picklist.op, category, err)
		}
	}
	return found.build(), nil
}

func (c *Client) askPicklist(ctx context.Context, body []byte) ([]byte, error) {
	at := c.picklist
	if c.byGet.Load() {
		at.method = http.MethodGet
	}
	answer, ans, err := c.read(ctx, &at, body)
	wrongMethod := ans.HTTPStatus == http.StatusNotFound || ans.HTTPStatus == http.StatusMethodNotAllowed
	if err == nil || !wrongMethod || !c.probe || at.method == http.MethodGet {
		return answer, err
	}
	at.method = http.MethodGet
	answer, _, second := c.read(ctx, &at, body)
	if second != nil {
		if errors.Is(second, ErrWrongHost) {
			return nil, err
		}
		return nil, second
	}
	c.byGet.Store(true)
	return answer, nil
}

// picklistItem is one item of either category, or a metric. What links it to
// others is decoded leniently: no sample shows it filled.
type picklistItem struct {
	Gsid        string          `json:"gsid"`
	Name        string          `json:"name"`
	Active      *bool           `json:"active"`
	Category    string          `json:"picklistCategory"`
	Unit        string          `json:"unitOfMeasure"`
	Description string          `json:"description"`
	Order       float64         `json:"displayOrder"`
	Association json.RawMessage `json:"associationDetails"`
	ChildIDs    json.RawMessage `json:"childPicklistIds"`
	Children    json.RawMessage `json:"childPicklists"`
	Metrics     json.RawMessage `json:"metrics"`
	MetricIDs   json.RawMessage `json:"metricIds"`
	TypeIDs     json.RawMessage `json:"goalTypeIds"` // of a metric
	raw         json.RawMessage
	Types       json.RawMessage `json:"goalTypes"`
}

func (it *picklistItem) active() bool { return it.Active == nil || *it.Active }

// picklistData gathers the items of both answers.
type picklistData struct {
	types    []picklistItem
	statuses []picklistItem
	metrics  []picklistItem
	owned    map[string][]string // metrics by goal type, where delivered so
}

// add takes in the data of one answer.
func (d *picklistData) add(answer []byte, category string) error {
	var body struct {
		Data struct {
			Picklists json.RawMessage `json:"picklists"`
			Children  json.RawMessage `json:"childPicklists"`
			Metrics   json.RawMessage `json:"metrics"`
		} `json:"data"`
	}
	if err := json.Unmarshal(answer, &body); err != nil {
		return fmt.Errorf("answer cannot be decoded: %w", err)
	}
	eachItem(body.Data.Picklists, "", func(it picklistItem, _ string) {
		if it.Category == "GOAL_STATUS" || it.Category == "" && category == "GOAL_STATUS" {
			d.statuses = append(d.statuses, it)
		} else {
			d.types = append(d.types, it)
		}
	})
	eachItem(body.Data.Children, "", func(it picklistItem, _ string) { d.statuses = append(d.statuses, it) })
	eachItem(body.Data.Metrics, "", d.addMetric)
	return nil
}

// addMetric notes a metric and the goal types it is linked with: the Gsid that
// it came below, and those that it lists.
func (d *picklistData) addMetric(it picklistItem, owner string) {
	d.metrics = append(d.metrics, it)
	owners := collectIDs(collectIDs(nil, it.TypeIDs), it.Types)
	if owner != "" && owner != it.Gsid {
		owners = append(owners, owner)
	}
	for _, owner := range owners {
		if d.owned == nil {
			d.owned = make(map[string][]string)
		}
		d.owned[owner] = append(d.owned[owner], it.Gsid)
	}
}

// build links, orders and dedupes what was gathered.
func (d *picklistData) build() *Picklists {
	p := &Picklists{}
	for i := range d.types { // first, because items nested in them count too
		eachItem(d.types[i].Children, "", func(it picklistItem, _ string) { d.statuses = append(d.statuses, it) })
		eachItem(d.types[i].Metrics, "", func(it picklistItem, _ string) { d.metrics = append(d.metrics, it) })
	}
	for _, it := range unique(d.types) {
		p.GoalTypes = append(p.GoalTypes, d.goalType(&it))
	}
	for _, it := range unique(d.statuses) {
		p.Statuses = append(p.Statuses, Status{Gsid: it.Gsid, Name: it.Name, Active: it.active()})
	}
	for _, it := range unique(d.metrics) {
		p.Metrics = append(p.Metrics, Metric{Gsid: it.Gsid, Name: it.Name, UnitOfMeasure: it.Unit, Active: it.active(), Description: it.Description})
	}
	return p
}

func (d *picklistData) goalType(it *picklistItem) GoalType {
	t := GoalType{Gsid: it.Gsid, Name: it.Name, Active: it.active()}
	t.StatusIDs = distinct(collectIDs(collectIDs(nil, it.ChildIDs), it.Children))
	t.Linked = len(t.StatusIDs) > 0
	t.MetricIDs = distinct(append(collectIDs(collectIDs(nil, it.MetricIDs), it.Metrics), d.owned[it.Gsid]...))
	t.MetricsLinked = len(t.MetricIDs) > 0
	var association struct {
		IDs []string `json:"associationIds"`
	}
	if json.Unmarshal(it.Association, &association) == nil {
		t.EntityIDs = association.IDs
	}
	return t
}

// unique orders the items and keeps one of each Gsid, the one that has a name.
func unique(items []picklistItem) []picklistItem {
	at := make(map[string]int, len(items))
	var kept []picklistItem
	for _, it := range items {
		if i, known := at[it.Gsid]; known {
			if kept[i].Name == "" {
				kept[i] = it
			}
			continue
		}
		at[it.Gsid] = len(kept)
		kept = append(kept, it)
	}
	kept = slices.DeleteFunc(kept, func(it picklistItem) bool { return it.Name == "" })
	inOrder(kept)
	return kept
}

// distinct keeps the first of each id.
func distinct(ids []string) []string {
	var kept []string
	for _, id := range ids {
		if !slices.Contains(kept, id) {
			kept = append(kept, id)
		}
	}
	return kept
}

// eachItem calls found for each item in a list, an object of items, or an
// object of lists, at any depth, with the nearest key above it that is a Gsid. Null is no item.
func eachItem(raw json.RawMessage, owner string, found func(it picklistItem, owner string)) {
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) == nil {
		for _, element := range list {
			eachItem(element, owner, found)
		}
		return
	}
	var it picklistItem
	// A member of an unexpected type is an error too, but leaves the others decoded.
	if _ = json.Unmarshal(raw, &it); it.Gsid != "" {
		it.raw = raw
		found(it, owner)
		return
	}
	for _, m := range members(raw) {
		below := owner
		if isGsid(m.key) {
			below = m.key
		}
		eachItem(m.value, below, found)
	}
}

// collectIDs appends the ids in a list of ids, a list of objects with a gsid,
// an object whose keys are Gsids, or any nesting of these.
func collectIDs(ids []string, raw json.RawMessage) []string {
	var id string
	var list []json.RawMessage
	switch {
	case json.Unmarshal(raw, &id) == nil:
		if isID(id) {
			ids = append(ids, id)
		}
		return ids
	case json.Unmarshal(raw, &list) == nil:
		for _, element := range list {
			ids = collectIDs(ids, element)
		}
		return ids
	}
	var item struct {
		Gsid string `json:"gsid"`
		ID   string `json:"id"`
	}
	if json.Unmarshal(raw, &item) == nil && (item.Gsid != "" || item.ID != "") {
		if item.Gsid == "" {
			item.Gsid = item.ID
		}
		return append(ids, item.Gsid)
	}
	for _, m := range members(raw) {
		if isGsid(m.key) {
			ids = append(ids, m.key)
		} else {
			ids = collectIDs(ids, m.value)
		}
	}
	return ids
}

type member struct {
	key   string
	value json.RawMessage
}

// members lists the members of an object in their order; of anything else, none.
func members(raw json.RawMessage) (list []member) {
	s := scanner{data: raw}
	if s.space() != '{' {
		return nil
	}
	ok := s.object(func(key []byte) bool {
		value, ok := s.value()
		list = append(list, member{string(key), value})
		return ok
	})
	if !ok {
		return nil
	}
	return list
}

// isGsid tells a Gsid, 36 characters A–Z and 0–9, from other keys.
func isGsid(key string) bool {
	for i := range len(key) {
		if c := key[i]; !isDigit(c) && !(c >= 'A' && c <= 'Z') {
			return false
		}
	}
	return len(key) == 36
}
