package pipeline

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"time"

	"gsbatch/emulator"
)

// modelCall is a write as the model reads it.
type modelCall struct {
	r      *http.Request
	body   []byte
	object string // "" of goals
	action string // create, update, delete
	rows   []string
	items  []json.RawMessage // of records: elements of requests or recordIds
}

// newModelCall is nil for what writes nothing.
func newModelCall(r *http.Request, body []byte) *modelCall {
	c := &modelCall{r: r, body: body, action: map[string]string{"POST": "create", "PUT": "update", "DELETE": "delete"}[r.Method]}
	switch path := r.URL.Path; {
	case strings.HasSuffix(path, "/create"):
		c.rows = []string{rowOf(body)}
		return c
	case strings.HasSuffix(path, "/update"):
		c.rows = []string{nameOf(body)}
		return c
	case strings.HasSuffix(path, "/template"), strings.HasSuffix(path, "/template/delete"):
		c.object = "templates"
	case strings.HasSuffix(path, "/metric/"), strings.HasSuffix(path, "/metrics"):
		c.object = "metrics"
	default:
		return nil
	}
	var request struct{ Requests, RecordIds []json.RawMessage }
	if err := json.Unmarshal(body, &request); err != nil {
		panic(err)
	}
	c.items = slices.Concat(request.Requests, request.RecordIds)
	for _, item := range c.items {
		c.rows = append(c.rows, recordOf(c.action, item))
	}
	return c
}

// recordOf is what tells records apart: the Gsid, or the name of a new one.
func recordOf(action string, item json.RawMessage) string {
	var id string
	if json.Unmarshal(item, &id) == nil {
		return id
	}
	var request struct {
		Record struct{ Name, Gsid string }
	}
	if json.Unmarshal(item, &request) != nil { // names of fields are read in any case
		return "?"
	}
	if action == "create" {
		return request.Record.Name
	}
	return request.Record.Gsid
}

// part is the call with the first of its records only, maybe none.
func (c *modelCall) part(seed uint64) *modelCall {
	n := int(drawn(seed, "part", c.rows[0]) % uint64(len(c.items)))
	part := *c
	part.items, part.rows = c.items[:n], c.rows[:n]
	return &part
}

func drawn(seed uint64, words ...string) uint64 {
	sum := fnv.New64a()
	_, _ = fmt.Fprint(sum, seed, words)
	return rand.New(rand.NewPCG(seed, sum.Sum64())).Uint64()
}

const (
	oneIsWrong = `{"timestamp":1675399306376,"status":500,"error":"Internal Server Error","exception":"com.gainsight.cs.goal.exception.CSGoalException","message":"One of them is wrong","path":"/x"}`
	inUse      = `{"result":false,"errorCode":"VC_8026","requestId":"m","data":null,"message":"Metric is used in some goals or templates. Cannot delete the metric."}`
)

// recordMishaps are those of goals, and what befalls several records a call.
func recordMishaps() []mishap {
	return append(mishaps(), []mishap{
		{inPart, 500, oneIsWrong, false}, {inPart, 500, oneIsWrong, false}, {inPart, 500, unexpected, false}, {inPart, 0, "drop", false}, {inPart, 502, badGateway, false},
		{atOnce, 0, "fewer", false}, {atOnce, 0, "fewer", false}, {later, 0, "fewer", true},
	}...)
}

// refuses says whether a record is wrong, whenever it is sent.
func (m *model) refuses(row string) bool { return m.refuse && drawn(m.seed, "wrong", row)%6 == 0 }

// carryOutUpdate has the tenant update a goal, and enters that.
func (m *model) carryOutUpdate(c *modelCall) *httptest.ResponseRecorder {
	m.remember(c.rows)
	answer := m.ask(c.r, c.body)
	if answer.Code/100 == 2 {
		m.enter(c.rows[0], c.rows[0])
	}
	return answer
}

// person edits a goal now and then, at the time of a call for it.
func (m *model) person(c *modelCall) {
	row := c.rows[0]
	if !m.updates || drawn(m.seed, "edit", row)%6 > 0 {
		return
	}
	m.remember(c.rows)
	m.call(http.MethodPut, "/v1/csgoal/external/update", map[string]any{
		"requests": []any{map[string]any{"record": map[string]any{"Gsid": row, "Description": "by a person"}}}})
	m.log("%s is edited by a person", row)
}

// lists are the lists of an answer.
type lists struct {
	Success []json.RawMessage `json:"successList"`
	Deleted []json.RawMessage `json:"deletedMetrics,omitempty"`
	Failure []json.RawMessage `json:"failureList"`
}

// carryOutRecords has the tenant do what is asked but for the records that are
// wrong, enters what it did, and answers for each in any order.
func (m *model) carryOutRecords(c *modelCall) *httptest.ResponseRecorder {
	var items []json.RawMessage
	var wrong []string
	for i, row := range c.rows {
		if m.refuses(row) {
			wrong = append(wrong, row)
		} else {
			items = append(items, c.items[i])
		}
	}
	if c.object == "metrics" && c.action == "delete" && len(wrong) > 0 {
		answer := httptest.NewRecorder()
		answer.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(answer, inUse)
		return answer
	}
	var said struct {
		Data lists `json:"data"`
	}
	if len(items) > 0 {
		m.remember(c.rows)
		answer := m.ask(c.r, requestOf(c.action, items))
		if json.Unmarshal(answer.Body.Bytes(), &said) != nil || answer.Code/100 != 2 {
			return answer
		}
		for _, one := range slices.Concat(said.Data.Success, said.Data.Deleted) {
			m.enterRecord(c.action, one)
		}
	}
	for i, row := range wrong {
		said.Data.Failure = append(said.Data.Failure, failureOf(drawn(m.seed, "form", wrong[0])+uint64(i/3), c.action, row))
	}
	return m.answer(c, said.Data)
}

func requestOf(action string, items []json.RawMessage) []byte {
	key := "requests"
	if action == "delete" {
		key = "recordIds"
	}
	body, err := json.Marshal(map[string]any{key: items})
	if err != nil {
		panic(err)
	}
	return body
}

// enterRecord enters an element of successList or deletedMetrics.
func (m *model) enterRecord(action string, element json.RawMessage) {
	var one struct{ Name, Gsid string }
	if json.Unmarshal(element, &one) != nil {
		panic("an element that is no record")
	}
	row := one.Gsid
	if action == "create" {
		row = one.Name
	}
	m.enter(row, one.Gsid)
}

// failureOf is an element of failureList, in one of the forms that servers have for it.
func failureOf(form uint64, action, row string) json.RawMessage {
	field, record := "Gsid", any(row)
	if action == "create" {
		field = "Name"
	}
	if action != "delete" {
		record = map[string]string{field: row}
	}
	var element any
	switch form % 4 {
	case 0:
		element = map[string]any{"record": record, "errorCode": "VC_8010", "errorMessage": "it is wrong"}
	case 1:
		element = map[string]any{field: row, "message": "it is wrong"}
	case 2:
		element = map[string]any{"message": "one is wrong"}
	default:
		element = "one is wrong"
	}
	text, err := json.Marshal(element)
	if err != nil {
		panic(err)
	}
	return text
}

// answer words the lists, shuffled.
func (m *model) answer(c *modelCall, said lists) *httptest.ResponseRecorder {
	random := rand.New(rand.NewPCG(m.seed, drawn(m.seed, c.rows...)))
	for _, list := range [][]json.RawMessage{said.Success, said.Deleted, said.Failure} {
		random.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	}
	body, err := json.Marshal(map[string]any{"result": true, "requestId": "m", "data": said})
	if err != nil {
		panic(err)
	}
	answer := httptest.NewRecorder()
	_, _ = answer.Write(body)
	return answer
}

// fewer is an answer that tells of every second record only.
func fewer(body []byte) []byte {
	var said struct {
		Result bool  `json:"result"`
		Data   lists `json:"data"`
	}
	if json.Unmarshal(body, &said) != nil || len(said.Data.Success)+len(said.Data.Deleted)+len(said.Data.Failure) == 0 {
		return body
	}
	for _, list := range []*[]json.RawMessage{&said.Data.Success, &said.Data.Deleted, &said.Data.Failure} {
		n := 0
		*list = slices.DeleteFunc(*list, func(json.RawMessage) bool { n++; return n%2 == 0 })
	}
	text, err := json.Marshal(said)
	if err != nil {
		panic(err)
	}
	return text
}

// picture is what was told until a time.
type picture struct {
	until  time.Time
	answer *httptest.ResponseRecorder
}

// pictures are the answers to one question.
type pictures struct {
	r       *http.Request
	body    []byte
	answers []picture // oldest first
}

// read has the tenant answer a call that writes nothing. What is told is as old
// as the lag.
func (m *model) read(w http.ResponseWriter, r *http.Request, body []byte) {
	if m.lag == 0 {
		r.Body = io.NopCloser(bytes.NewReader(body))
		m.tenant.ServeHTTP(w, r)
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if strings.HasSuffix(r.URL.Path, "/csgoal/external/fetch") && !m.updates {
		answer := m.ask(r, body)
		maps.Copy(w.Header(), answer.Header())
		w.Header().Del("Content-Length")
		w.WriteHeader(answer.Code)
		_, _ = w.Write(m.older(answer.Body.Bytes()))
		return
	}
	if m.told == nil {
		m.told = map[string]*pictures{}
	}
	asked := m.told[string(body)]
	if asked == nil {
		asked = &pictures{r: r, body: body}
		m.told[string(body)] = asked
	}
	answer := m.ask(r, body)
	for _, old := range slices.Backward(asked.answers) {
		if time.Since(old.until) > m.lag {
			break
		}
		answer = old.answer
	}
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes())
}

// remember keeps what is told of some rows before they are written.
func (m *model) remember(rows []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for question, asked := range m.told {
		if !strings.Contains(question, "conditions") || slices.ContainsFunc(rows, func(row string) bool { return strings.Contains(question, row) }) {
			asked.answers = append(asked.answers, picture{time.Now(), m.ask(asked.r, asked.body)})
		}
	}
}

// older takes goals that are younger than the lag out of a list.
func (m *model) older(body []byte) []byte {
	var said map[string]any
	if json.Unmarshal(body, &said) != nil {
		return body
	}
	data, _ := said["data"].(map[string]any)
	list, _ := data["recordList"].([]any)
	if len(list) == 0 {
		return body
	}
	data["recordList"] = slices.DeleteFunc(list, func(one any) bool {
		record, _ := one.(map[string]any)["dataList"].(map[string]any)
		gsid, _ := record["Gsid"].(string)
		return time.Since(m.born[gsid]) < m.lag
	})
	text, err := json.Marshal(said)
	if err != nil {
		panic(err)
	}
	return text
}

// call makes a call of its own at the tenant, which no book knows.
func (m *model) call(method, path string, body any) []byte {
	text, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	r := httptest.NewRequest(method, "http://127.0.0.1"+path, nil)
	r.Header.Set("Accesskey", emulator.DefaultAccessKey)
	r.Header.Set("Content-Type", "application/json")
	return m.ask(r, text).Body.Bytes()
}

// plantGoals is plant for goals.
func (m *model) plantGoals(n int) (gsids []string) {
	for i := range n {
		var said struct {
			Data struct{ Goal struct{ Gsid string } }
		}
		answer := m.call(http.MethodPost, "/v1/csgoal/external/create", map[string]any{
			"requests": []any{map[string]any{"record": map[string]any{"Name": fmt.Sprintf("old %d", i), "StatusName": "New", "EntityType": "GLOBAL"}}}})
		if json.Unmarshal(answer, &said) != nil || said.Data.Goal.Gsid == "" {
			panic(string(answer))
		}
		gsids = append(gsids, said.Data.Goal.Gsid)
	}
	return gsids
}

// paths of writes of an object, and of its deletes.
func pathsOf(object string) (write, remove string) {
	if object == "templates" {
		return "/v1/csgoal/external/template", "/v1/csgoal/external/template/delete"
	}
	return "/v1/csgoal/external/metric/", "/v1/csgoal/external/metrics"
}

// plant makes n records, of which no book knows, and gives their Gsids.
func (m *model) plant(object string, n int) []string {
	if object == "goals" {
		return m.plantGoals(n)
	}
	var items []any
	for i := range n {
		record := map[string]any{"Name": fmt.Sprintf("old %d", i)}
		if object == "metrics" {
			record = map[string]any{"name": fmt.Sprintf("old %d", i), "unitOfMeasure": "DECIMAL"}
		}
		items = append(items, map[string]any{"record": record})
	}
	path, _ := pathsOf(object)
	var said struct {
		Data struct{ SuccessList []struct{ Gsid string } }
	}
	answer := m.call(http.MethodPost, path, map[string]any{"requests": items})
	if json.Unmarshal(answer, &said) != nil || len(said.Data.SuccessList) != n {
		panic(string(answer))
	}
	var gsids []string
	for _, one := range said.Data.SuccessList {
		gsids = append(gsids, one.Gsid)
	}
	return gsids
}

// there are the names of the object's records, by Gsid.
func (m *model) there(object string) map[string]string {
	type record struct{ Gsid, Name string }
	var said struct {
		RecordList []record
		Data       struct {
			Metrics    []record
			RecordList []struct{ DataList record }
		}
	}
	answer := m.call(http.MethodPost, "/v1/csgoal/external/template/fetch", map[string]any{"select": []string{"Gsid", "Name"}, "pageSize": 1000, "pageNumber": 1})
	switch object {
	case "goals":
		answer = m.call(http.MethodPost, "/v1/csgoal/external/fetch", map[string]any{"select": []string{"Gsid", "Name"}, "pageSize": 1000, "pageNumber": 1})
	case "metrics":
		answer = m.call(http.MethodPost, "/v1/csgoal/external/admin/picklist", map[string]any{
			"entityIds": []string{"ALL_ENTITY"}, "active": false, "includeMetrics": true, "includeChildPicklist": false, "picklistCategory": "GOAL_TYPE"})
	}
	if err := json.Unmarshal(answer, &said); err != nil {
		panic(err)
	}
	names := map[string]string{}
	for _, one := range append(said.RecordList, said.Data.Metrics...) {
		names[one.Gsid] = one.Name
	}
	for _, one := range said.Data.RecordList {
		names[one.DataList.Gsid] = one.DataList.Name
	}
	return names
}
