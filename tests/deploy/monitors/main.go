// Decodes the ServiceMonitor or PodMonitor on standard input into the types of the Prometheus
// Operator. An unknown field is an error. The schemas of Kubernetes do not contain these kinds.
package main

import (
	"fmt"
	"io"
	"os"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"sigs.k8s.io/yaml"
)

func main() {
	if err := decode(os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func decode(input io.Reader) error {
	text, err := io.ReadAll(input)
	if err != nil {
		return err
	}
	var object struct {
		Kind string `json:"kind"`
	}
	if err := yaml.Unmarshal(text, &object); err != nil {
		return err
	}
	switch object.Kind {
	case "ServiceMonitor":
		return yaml.UnmarshalStrict(text, &monitoring.ServiceMonitor{})
	case "PodMonitor":
		return yaml.UnmarshalStrict(text, &monitoring.PodMonitor{})
	default:
		return fmt.Errorf("neither a ServiceMonitor nor a PodMonitor: %q", object.Kind)
	}
}
