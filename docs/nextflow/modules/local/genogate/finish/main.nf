process GENOGATE_FINISH {
    tag "${meta.id}"
    label 'process_single'

    // No registry has the image: build it from docker/Dockerfile, or name a Singularity image of yours in the configuration.
    container "genogate:0.1.0"

    input:
    tuple val(meta), path(reports, stageAs: "reports/*")
    val home

    output:
    tuple val(meta), path("*.finish.json"), emit: report
    path "versions.yml"                   , emit: versions

    when:
    task.ext.when == null || task.ext.when

    script:
    if (workflow.profile.tokenize(',').intersect(['conda', 'mamba']).size() >= 1) {
        error "GENOGATE_FINISH does not support Conda: no channel has genogate. Use Docker, Singularity or Podman."
    }
    def args   = task.ext.args   ?: ''
    def prefix = task.ext.prefix ?: "${meta.id}"
    """
    export GENOGATE_HOME="${home}"

    genogate loads finish \\
        --name "${prefix}" \\
        --json \\
        ${args} \\
        > ${prefix}.finish.json

    cat <<-END_VERSIONS > versions.yml
    "${task.process}":
        genogate: \$(genogate --version | sed 's/^genogate //')
    END_VERSIONS
    """

    stub:
    def prefix = task.ext.prefix ?: "${meta.id}"
    """
    echo '{"status": "complete"}' > ${prefix}.finish.json

    cat <<-END_VERSIONS > versions.yml
    "${task.process}":
        genogate: \$(genogate --version | sed 's/^genogate //')
    END_VERSIONS
    """
}
