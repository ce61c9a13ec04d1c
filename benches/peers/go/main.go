// An exporter as a Go programmer writes it: a client of net/http and encoding/json, and the constant
// metrics of client_golang, which are created for each scrape.
//
//	peer --endpoint HOST:PORT --port PORT --interval SECONDS [--concurrency 4] [--detailed]
package main

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"net/http"
	"net/url"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

var (
	statuses   = []string{"INIT", "STARTING", "CLOSING", "CLOSED", "RUNNING", "IDLE", "BOUND", "UNAVAILABLE", "DELETED"}
	sessions   = []string{"connect", "disconnect"}
	persistent = []string{"STARTING", "RUNNING", "STOPPED", "UNAVAILABLE", "DELETING", "PENDING", "STOPPING", "DELETED", "REBUILDING"}
)

type nodePool struct {
	NodePoolId        string
	NodeInstanceType  string
	NodeAmount        float64
	NodeUsed          float64
	NodeCapacity      float64
	ScalingNodeAmount float64
	ScalingNodeUsed   float64
}

type group struct {
	AppInstanceGroupId   string
	AppInstanceGroupName string
	NodePool             []nodePool
}

type instance struct {
	AppInstanceId string
	Status        string
	SessionStatus string
	GmtCreate     string
	GmtModified   string
	BindInfo      struct {
		UsageDuration float64
	}
}

type persistentInstance struct {
	AppInstancePersistentStatus string
}

type page struct {
	TotalCount                  int
	AppInstanceGroupModels      []group
	AppInstanceModels           []instance
	PersistentAppInstanceModels []persistentInstance
}

type client struct {
	endpoint, key, secret string
	http                  *http.Client
}

func hexsum(b []byte) string { h := sha256.Sum256(b); return hex.EncodeToString(h[:]) }

func (c *client) call(action string, q url.Values, into *page) error {
	query := strings.ReplaceAll(q.Encode(), "+", "%20")
	req, err := http.NewRequest("POST", "http://"+c.endpoint+"/?"+query, nil)
	if err != nil {
		return err
	}
	nonce := make([]byte, 16)
	rand.Read(nonce)
	signed := map[string]string{
		"host":                  c.endpoint,
		"x-acs-action":          action,
		"x-acs-version":         "2021-09-01",
		"x-acs-date":            time.Now().UTC().Format("2006-01-02T15:04:05Z"),
		"x-acs-signature-nonce": hex.EncodeToString(nonce),
		"x-acs-content-sha256":  hexsum(nil),
	}
	names := make([]string, 0, len(signed))
	for k, v := range signed {
		names = append(names, k)
		req.Header.Set(k, v)
	}
	sort.Strings(names)
	var canon strings.Builder
	for _, k := range names {
		canon.WriteString(k + ":" + signed[k] + "\n")
	}
	list := strings.Join(names, ";")
	request := "POST\n/\n" + query + "\n" + canon.String() + "\n" + list + "\n" + signed["x-acs-content-sha256"]
	mac := hmac.New(sha256.New, []byte(c.secret))
	mac.Write([]byte("ACS3-HMAC-SHA256\n" + hexsum([]byte(request))))
	req.Header.Set("Authorization", "ACS3-HMAC-SHA256 Credential="+c.key+",SignedHeaders="+list+",Signature="+hex.EncodeToString(mac.Sum(nil)))
	resp, err := c.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != 200 {
		return fmt.Errorf("%s: %s", action, resp.Status)
	}
	return json.NewDecoder(resp.Body).Decode(into)
}

func (c *client) pages(action string, q url.Values, each func(*page) int) error {
	seen := 0
	for number := 1; ; number++ {
		q.Set("PageSize", "100")
		q.Set("PageNumber", strconv.Itoa(number))
		var p page
		if err := c.call(action, q, &p); err != nil {
			return err
		}
		n := each(&p)
		seen += n
		if n == 0 || seen >= p.TotalCount {
			return nil
		}
	}
}

type detail struct {
	id, status               string
	usage, created, modified float64
}

type groupState struct {
	group
	status, session, persistent map[string]float64
	details                     []detail
}

type exporter struct {
	c        *client
	detailed bool
	workers  int
	mu       sync.RWMutex
	snapshot []*groupState
	polls    float64
	took     float64
}

func unix(s string) float64 {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return 0
	}
	return float64(t.Unix())
}

func (e *exporter) pollGroup(g group) (*groupState, error) {
	s := &groupState{group: g, status: map[string]float64{}, session: map[string]float64{}, persistent: map[string]float64{}}
	err := e.c.pages("ListAppInstances", url.Values{"AppInstanceGroupId": {g.AppInstanceGroupId}}, func(p *page) int {
		for i := range p.AppInstanceModels {
			x := &p.AppInstanceModels[i]
			s.status[strings.ToUpper(x.Status)]++
			if x.SessionStatus != "" {
				s.session[x.SessionStatus]++
			}
			if e.detailed {
				s.details = append(s.details, detail{x.AppInstanceId, x.Status, x.BindInfo.UsageDuration, unix(x.GmtCreate), unix(x.GmtModified)})
			}
		}
		return len(p.AppInstanceModels)
	})
	if err != nil {
		return nil, err
	}
	err = e.c.pages("ListPersistentAppInstances", url.Values{"AppInstanceGroupId": {g.AppInstanceGroupId}, "ProductType": {"CloudApp"}}, func(p *page) int {
		for i := range p.PersistentAppInstanceModels {
			s.persistent[p.PersistentAppInstanceModels[i].AppInstancePersistentStatus]++
		}
		return len(p.PersistentAppInstanceModels)
	})
	return s, err
}

func (e *exporter) poll() error {
	start := time.Now()
	var groups []group
	err := e.c.pages("ListAppInstanceGroup", url.Values{"ProductType": {"CloudApp"}}, func(p *page) int {
		groups = append(groups, p.AppInstanceGroupModels...)
		return len(p.AppInstanceGroupModels)
	})
	if err != nil {
		return err
	}
	states := make([]*groupState, len(groups))
	errs := make([]error, len(groups))
	next := make(chan int)
	var wg sync.WaitGroup
	for w := 0; w < e.workers; w++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := range next {
				states[i], errs[i] = e.pollGroup(groups[i])
			}
		}()
	}
	for i := range groups {
		next <- i
	}
	close(next)
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	e.mu.Lock()
	e.snapshot, e.took = states, time.Since(start).Seconds()
	e.polls++
	e.mu.Unlock()
	return nil
}

var (
	L          = []string{"group_id", "group_name", "status"}
	P          = []string{"group_id", "pool_id", "node_type"}
	D          = []string{"group_id", "instance_id"}
	dPolls     = prometheus.NewDesc("appstream_polls_total", "Polls done.", nil, nil)
	dTook      = prometheus.NewDesc("appstream_poll_duration_seconds", "How long the last poll took.", nil, nil)
	dInst      = prometheus.NewDesc("appstream_instances", "Instances by status.", L, nil)
	dSess      = prometheus.NewDesc("appstream_sessions", "Sessions by status.", L, nil)
	dPers      = prometheus.NewDesc("appstream_persistent_instances", "Persistent instances by status.", L, nil)
	dNodes     = prometheus.NewDesc("appstream_node_pool_nodes", "Subscribed nodes.", P, nil)
	dUsed      = prometheus.NewDesc("appstream_node_pool_nodes_used", "Subscribed nodes in use.", P, nil)
	dCapacity  = prometheus.NewDesc("appstream_node_pool_node_capacity_sessions", "Sessions per node.", P, nil)
	dScale     = prometheus.NewDesc("appstream_node_pool_scaling_nodes", "Scalable nodes.", P, nil)
	dScaleUsed = prometheus.NewDesc("appstream_node_pool_scaling_nodes_used", "Scalable nodes in use.", P, nil)
	dIStatus   = prometheus.NewDesc("appstream_instance_status", "1 for the status the instance has.", append(append([]string{}, D...), "status"), nil)
	dIUsage    = prometheus.NewDesc("appstream_instance_usage_duration_seconds", "Use duration.", D, nil)
	dICreate   = prometheus.NewDesc("appstream_instance_created_timestamp_seconds", "Creation time.", D, nil)
	dIModify   = prometheus.NewDesc("appstream_instance_modified_timestamp_seconds", "Update time.", D, nil)
)

func (e *exporter) Describe(chan<- *prometheus.Desc) {}

func (e *exporter) Collect(ch chan<- prometheus.Metric) {
	e.mu.RLock()
	snapshot, polls, took := e.snapshot, e.polls, e.took
	e.mu.RUnlock()
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	ch <- prometheus.MustNewConstMetric(dPolls, prometheus.CounterValue, polls)
	gauge(dTook, took)
	for _, g := range snapshot {
		id, name := g.AppInstanceGroupId, g.AppInstanceGroupName
		for _, s := range statuses {
			gauge(dInst, g.status[s], id, name, s)
		}
		for _, s := range sessions {
			gauge(dSess, g.session[s], id, name, s)
		}
		for _, s := range persistent {
			gauge(dPers, g.persistent[s], id, name, s)
		}
		for _, p := range g.NodePool {
			gauge(dNodes, p.NodeAmount, id, p.NodePoolId, p.NodeInstanceType)
			gauge(dUsed, p.NodeUsed, id, p.NodePoolId, p.NodeInstanceType)
			gauge(dCapacity, p.NodeCapacity, id, p.NodePoolId, p.NodeInstanceType)
			gauge(dScale, p.ScalingNodeAmount, id, p.NodePoolId, p.NodeInstanceType)
			gauge(dScaleUsed, p.ScalingNodeUsed, id, p.NodePoolId, p.NodeInstanceType)
		}
		for i := range g.details {
			x := &g.details[i]
			gauge(dIStatus, 1, id, x.id, x.status)
			gauge(dIUsage, x.usage, id, x.id)
			gauge(dICreate, x.created, id, x.id)
			gauge(dIModify, x.modified, id, x.id)
		}
	}
}

func main() {
	endpoint := flag.String("endpoint", "", "host:port of the API")
	port := flag.Int("port", 9000, "where to listen")
	interval := flag.Float64("interval", 60, "seconds between the starts of polls")
	workers := flag.Int("concurrency", 4, "groups that are polled at once")
	detailed := flag.Bool("detailed", false, "metrics of each instance")
	flag.Parse()
	e := &exporter{
		c: &client{endpoint: *endpoint, key: "measured", secret: "measured-secret",
			http: &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: *workers}}},
		detailed: *detailed, workers: *workers,
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(e)
	go func() {
		for {
			start := time.Now()
			if err := e.poll(); err != nil {
				log.Println("poll failed:", err)
			}
			if d := time.Duration(*interval*float64(time.Second)) - time.Since(start); d > 0 {
				time.Sleep(d)
			}
		}
	}()
	http.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	log.Fatal(http.ListenAndServe(fmt.Sprintf("127.0.0.1:%d", *port), nil))
}
