package emulator

import (
	"net/http"
	"strings"
)

// endpoint is one call of the API.
type endpoint uint8

// The endpoints, in the order of the specification.
const (
	goalCreate endpoint = iota
	goalUpdate
	goalFetch
	templateCreate
	templateUpdate
	templateDelete
	templateFetch
	metricCreate
	metricUpdate
	metricDelete
	picklistFetch
	endpointCount
)

// nowhere stands for a call that no endpoint answers.
const nowhere = endpointCount

func (e endpoint) name() string {
	return [...]string{
		"goal_create", "goal_update", "goal_fetch", "template_create", "template_update", "template_delete",
		"template_fetch", "metric_create", "metric_update", "metric_delete", "picklist", "other",
	}[e]
}

// scope is the word of the setting faults.on that takes e in.
func (e endpoint) scope() string {
	return [...]string{
		"create", "update", "fetch", "templates", "templates", "templates", "templates",
		"metrics", "metrics", "metrics", "picklist", "",
	}[e]
}

func (e endpoint) writes() bool {
	return e != goalFetch && e != templateFetch && e != picklistFetch && e != nowhere
}

func (e endpoint) metrics() bool { return e == metricCreate || e == metricUpdate || e == metricDelete }

// route finds the endpoint of a request. Where the path is served but not the
// method, known is true and the endpoint nowhere.
func route(method, path string, sw *Switches) (e endpoint, known bool) {
	if p, ok := strings.CutPrefix(path, "/v1/csgoal/external/"); ok {
		if e, known = routeGoals(method, p, sw); known {
			return e, true
		}
		if !sw.Strict {
			return routeMetrics(method, p)
		}
	}
	if p, ok := strings.CutPrefix(path, "/csgoal/external/"); ok {
		return routeMetrics(method, p)
	}
	return nowhere, false
}

func routeGoals(method, path string, sw *Switches) (endpoint, bool) {
	switch path {
	case "create":
		return only(method, http.MethodPost, goalCreate)
	case "update":
		return only(method, http.MethodPut, goalUpdate)
	case "fetch":
		return only(method, http.MethodPost, goalFetch)
	case "template":
		if method == http.MethodPut {
			return templateUpdate, true
		}
		return only(method, http.MethodPost, templateCreate)
	case "template/delete":
		return only(method, http.MethodDelete, templateDelete)
	case "template/fetch":
		return only(method, http.MethodPost, templateFetch)
	case "admin/picklist":
		if method == http.MethodGet && sw.PicklistCalls != "post" || method == http.MethodPost && sw.PicklistCalls != "get" {
			return picklistFetch, true
		}
		return nowhere, true
	}
	return nowhere, false
}

func routeMetrics(method, path string) (endpoint, bool) {
	switch path {
	case "metric/", "metric":
		if method == http.MethodPut {
			return metricUpdate, true
		}
		return only(method, http.MethodPost, metricCreate)
	case "metrics":
		return only(method, http.MethodDelete, metricDelete)
	}
	return nowhere, false
}

func only(method, want string, e endpoint) (endpoint, bool) {
	if method != want {
		return nowhere, true
	}
	return e, true
}
