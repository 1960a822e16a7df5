package gainsight

import (
	"context"
	"net/http"
	"strings"
)

// The objects of the API.
const (
	GoalObject     = "goals"
	TemplateObject = "templates"
	MetricObject   = "metrics"
)

// Write is one call that changes records of one object.
type Write struct {
	Object string   // GoalObject, TemplateObject, MetricObject
	Action string   // create, update, delete; goals cannot be deleted
	Items  [][]byte // elements of "requests" as Item.AppendJSON writes them, of goals one; for a delete elements of "recordIds"
	// Lookups is the value of "lookups", nil to leave it out.
	Lookups []byte
}

// routeWrites parses the URLs of the writes. Those of metrics stand in the
// specification without the /v1 that all others have.
func (c *Client) routeWrites() error {
	c.writes, c.bare = map[string]*endpoint{}, map[string]*endpoint{}
	for _, r := range []struct{ name, op, method, path string }{
		{"goals.create", "create goal", http.MethodPost, "/csgoal/external/create"},
		{"goals.update", "update goal", http.MethodPut, "/csgoal/external/update"},
		{"templates.create", "create template", http.MethodPost, "/csgoal/external/template"},
		{"templates.update", "update template", http.MethodPut, "/csgoal/external/template"},
		{"templates.delete", "delete template", http.MethodDelete, "/csgoal/external/template/delete"},
		{"metrics.create", "create metric", http.MethodPost, "/csgoal/external/metric/"},
		{"metrics.update", "update metric", http.MethodPut, "/csgoal/external/metric/"},
		{"metrics.delete", "delete metric", http.MethodDelete, "/csgoal/external/metrics"},
	} {
		var err error
		if c.writes[r.name], err = c.endpoint(r.name, r.op, r.method, "/v1"+r.path); err != nil {
			return err
		}
		if !strings.HasPrefix(r.name, MetricObject) {
			continue
		}
		if c.bare[r.name], err = c.endpoint(r.name, r.op, r.method, r.path); err != nil {
			return err
		}
	}
	return nil
}

// Write makes one call and says what became of each of its items, in their
// order. The items are not kept. The call holds slot, which is freed when it
// ends; without one it takes its own. The caller's ctx should not end while
// bytes are on their way: the call has a timeout of its own.
//
// The call is made once. There are two exceptions, in which the first was
// refused before execution: a 401 that a renewed key answers, and a path of
// metrics that the tenant has without /v1, which is remembered.
func (c *Client) Write(ctx context.Context, slot *Slot, w Write) []Answer {
	name := w.Object + "." + w.Action
	e, bare := c.writes[name], c.bare[name]
	if bare != nil && c.unversed.Load() {
		e, bare = bare, nil
	}
	body := w.body()
	whole := c.call(ctx, e, slot, body, nil)
	if bare != nil && whole.HTTPStatus == http.StatusNotFound {
		second := c.call(ctx, bare, nil, body, nil)
		if second.HTTPStatus != http.StatusNotFound {
			c.unversed.Store(true)
			whole = second
		}
	}
	return each(whole, &w)
}

// CreateGoal is Write for one new goal (POST /v1/csgoal/external/create).
func (c *Client) CreateGoal(ctx context.Context, slot *Slot, item, lookups []byte) Answer {
	return c.call(ctx, c.writes["goals.create"], slot, requestBody(item, lookups), nil)
}

// UpdateGoal is Write for one goal with a Gsid (PUT /v1/csgoal/external/update).
func (c *Client) UpdateGoal(ctx context.Context, slot *Slot, item, lookups []byte) Answer {
	return c.call(ctx, c.writes["goals.update"], slot, requestBody(item, lookups), nil)
}
