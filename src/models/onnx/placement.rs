//! Which execution provider each node of the graph was given to.
//!
//! ONNX Runtime tells it only in its verbose log while it prepares a session: a line `Node
//! placements`, then per provider `Node(s) placed on [P]. Number of nodes: N` followed by a line
//! per node, or `All nodes placed on [P]. Number of nodes: N` alone.

/// Nodes on the provider that every node can fall back to.
const CPU: &str = "CPUExecutionProvider";

/// What the log said so far.
#[derive(Debug, Default)]
pub(super) struct Placement {
    /// Provider and its number of nodes.
    counts: Vec<(String, usize)>,
    /// The nodes on the CPU, where there are others: operator and name.
    on_cpu: Vec<String>,
    /// Lines still to come that name nodes on the CPU.
    expected: usize,
}

impl Placement {
    /// Takes in one line of the log.
    pub(super) fn read(&mut self, line: &str) {
        let line = line.trim();
        if let Some((provider, count)) = placed_on(line) {
            let listed = line.starts_with("Node(s)") && provider == CPU;
            self.expected = if listed { count } else { 0 };
            self.counts.push((provider.to_owned(), count));
        } else if self.expected > 0 {
            self.expected -= 1;
            self.on_cpu.push(line.to_owned());
        }
    }

    /// Nodes that another provider was asked for and that fell back to the CPU.
    pub(super) fn fallen_back(&self) -> &[String] {
        &self.on_cpu
    }

    /// Number of nodes per provider, in words.
    pub(super) fn summary(&self) -> String {
        let counts: Vec<_> = self
            .counts
            .iter()
            .map(|(p, n)| format!("{n} on {p}"))
            .collect();
        counts.join(", ")
    }
}

/// Provider and number of nodes, if the line tells them.
fn placed_on(line: &str) -> Option<(&str, usize)> {
    let (_, rest) = line
        .split_once("odes placed on [")
        .or_else(|| line.split_once("ode(s) placed on ["))?;
    let (provider, rest) = rest.split_once(']')?;
    Some((provider, rest.rsplit(' ').next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[&str]) -> Placement {
        let mut placement = Placement::default();
        for line in lines {
            placement.read(line);
        }
        placement
    }

    #[test]
    fn nodes_beside_another_provider_have_fallen_back() {
        let placement = read(&[
            "Node placements",
            " Node(s) placed on [CPUExecutionProvider]. Number of nodes: 2",
            "  Shape (/Shape)",
            "  Gather (/Gather)",
            " Node(s) placed on [CUDAExecutionProvider]. Number of nodes: 1",
            "  Conv (/conv1/Conv)",
            "Session successfully initialized.",
        ]);
        assert_eq!(
            placement.fallen_back(),
            ["Shape (/Shape)", "Gather (/Gather)"]
        );
        assert_eq!(
            placement.summary(),
            "2 on CPUExecutionProvider, 1 on CUDAExecutionProvider"
        );
    }

    #[test]
    fn a_graph_on_one_provider_has_not() {
        let placement = read(&[
            " All nodes placed on [CPUExecutionProvider]. Number of nodes: 5",
            "x",
        ]);
        assert!(placement.fallen_back().is_empty());
        assert_eq!(placement.summary(), "5 on CPUExecutionProvider");
    }
}
