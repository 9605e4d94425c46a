import { archNames } from "./arch-names.ts";

/** Images by name that are published for one architecture, as pattern of repository[:tag]. */
const singleArch: readonly (readonly [image: RegExp, arch: string])[] = [
  [/^(?:mcr\.microsoft\.com\/mssql(?:\/|-tools)|microsoft\/mssql-)/, "amd64"],
  [/^mcr\.microsoft\.com\/(?:azure-functions\/.*:[1-3]\b|oryx\/|azureml\/)/, "amd64"],
  [/^(?:mysql:5(?:\.\d+)?|mysql\/mysql-server:5|percona:5)\b/, "amd64"],
  [/^openjdk:[\w.-]*alpine/, "amd64"],
  [/^(?:eclipse-temurin|adoptopenjdk(?:\/\w+)?):(?:8|11|17|18|19|20)\b[\w.-]*alpine/, "amd64"],
  [
    /^(?:archlinux(?:\/archlinux|\/base)?|clearlinux|intel\/\w[\w.-]*|rocm\/[\w.-]+|mathworks\/[\w.-]+)(?::|$)/,
    "amd64",
  ],
  [/^(?:circleci|lambci|kaggle|unityci|gitpod|steamcmd|cm2network)\//, "amd64"],
  [/^(?:pytorch|tensorflow)\/(?:pytorch|tensorflow|serving)(?::(?!.*(?:arm64|aarch64)).*)?$/, "amd64"],
  [/^nvidia\/cuda:(?:[1-9]|10)(?:\.|-|$)/, "amd64"],
  [/^nvcr\.io\/nvidia\/l4t-/, "arm64"],
  [
    /^(?:(?:docker\.elastic\.co\/\w+\/)?(?:elasticsearch|kibana|logstash)(?:-oss)?):(?:[1-6]\.|7\.[0-7]\.)/,
    "amd64",
  ],
  [/^(?:heroku\/heroku|heroku\/cedar):?(?:1[468]|20|22)?\b/, "amd64"],
  [
    /^(?:ghcr\.io\/puppeteer\/puppeteer|browserless\/chrome|buildkite\/puppeteer|joyzoursky\/|markadams\/chromium|selenium\/(?:standalone|node)-(?:chrome|edge|opera))(?::|$|\/)/,
    "amd64",
  ],
  [/^(?:wurstmeister|landoop|spotify|sameersbn|jwilder)\//, "amd64"],
  [/^(?:confluentinc\/cp-[\w-]+):(?:[1-6])\./, "amd64"],
  [/^osrf\/ros:[\w-]*desktop/, "amd64"],
  [
    /^(?:container-registry\.oracle\.com\/database|store\/oracle|oracleinanutshell|gvenzl\/oracle-xe|wnameless\/oracle)/,
    "amd64",
  ],
  [/^(?:ibmcom\/db2|icr\.io\/db2_community|ibmcom\/mq):?/, "amd64"],
  [
    /^(?:thyrlian\/android-sdk|cimg\/android|mobiledevops\/|budtmo\/docker-android|cirrusci\/(?:flutter|android-sdk)|ghcr\.io\/cirruslabs\/(?:flutter|android-sdk)|androidsdk\/|reactnativecommunity\/react-native-android|mingc\/android|alvrme\/)/,
    "amd64",
  ],
  [/^google\/dart(?::|$)/, "amd64"],
  [
    /^(?:amazon\/aws-lambda-\w+|public\.ecr\.aws\/lambda\/\w+):(?:.*-x86_64|3\.7|3\.6|2\.7|12|10|go1)/,
    "amd64",
  ],
  [/^quay\.io\/pypa\/many?linux\w*_x86_64/, "amd64"],
  [/^microsoft\/(?:dotnet|aspnetcore)\b/, "amd64"],
  [/^mcr\.microsoft\.com\/powershell:[\w.-]*alpine/, "amd64"],
  [/^(?:phusion\/(?:baseimage|passenger-\w+)):(?:0\.|[12]\.)/, "amd64"],
  // Java on Alpine has no arm64 before JDK 21, and neither have the images made from it.
  [/^(?:maven|gradle|tomcat|jetty|groovy|clojure|jruby):(?!.*(?:2[1-9]))[\w.-]*alpine/, "amd64"],
  [/^(?:postgis|mdillon)\/postgis(?::|$)/, "amd64"],
  [/^yandex\/clickhouse/, "amd64"],
  [/^(?:couchbase|couchbase\/server):(?:[1-6]\.|7\.0)/, "amd64"],
  [/^neo4j:(?:[1-3]\.|4\.[0-3])/, "amd64"],
  [/^sonatype\/nexus(?::|$)|^sonatype\/nexus3:3\.[1-6]?\d\./, "amd64"],
  [/^gcr\.io\/cloudsql-docker\/gce-proxy:1\.(?:[01]?\d|2[0-3])(?:\.|-|$)/, "amd64"],
  [/^rocker\/(?:tidyverse|verse|geospatial|shiny(?:-verse)?):[34]\.[01]\./, "amd64"],
  [/^continuumio\/miniconda3:4\.[0-9]\./, "amd64"],
  [
    /^(?:lachlanevenson\/k8s-|huggingface\/transformers-|wernight\/phantomjs|swaggerapi\/swagger-(?:ui|editor):v?[23]\.[0-9]\.)/,
    "amd64",
  ],
  [/^centos:[56]\b/, "amd64"],
  [/^gcr\.io\/kaniko-project\/(?:executor|warmer):(?:debug-)?v0\./, "amd64"],
  // glibc on Alpine was packaged for x86-64 only for long.
  [
    /^frolvlad\/alpine-(?:glibc|oraclejdk8|mono|gcc|gxx)(?::|$)|^(?:anapsix|jeanblanchard|zenika)\/alpine-/,
    "amd64",
  ],
  [/^jboss\/|^(?:kerberos\/|splunk\/|mailhog\/|maildev\/maildev:1\b|jekyll\/|klakegg\/hugo)/, "amd64"],
  [
    /^(?:dockcross\/|ghcr\.io\/cross-rs\/|rustembedded\/cross|ekidd\/rust-musl-builder|multiarch\/crossbuild|trzeci\/emscripten|emscripten\/emsdk:(?!.*arm64))/,
    "amd64",
  ],
  [/^(?:quay\.io\/)?(?:biocontainers|staphb|broadinstitute|nipreps|poldracklab|freesurfer)\//, "amd64"],
  [
    /^(?:owasp\/zap2docker|vertica\/|saplabs\/hanaexpress|openvino\/|voidlinux\/|lnl7\/nix|barichello\/godot-ci|gableroux\/unity3d|scottyhardy\/docker-wine|tobix\/pywine|cdrx\/pyinstaller|condaforge\/linux-anvil|atmoz\/sftp)/,
    "amd64",
  ],
  [/^gitlab\/gitlab-(?:ce|ee):(?:[89]|1[0-6])\./, "amd64"],
  [/^sonarqube:(?:[5-8]\.|lts$)/, "amd64"],
  [/^mcr\.microsoft\.com\/cosmosdb\/linux\/azure-cosmos-emulator(?::(?!.*vnext)|$)/, "amd64"],
  [
    /^(?:cypress\/(?:included|browsers|base):(?:[3-9]|1[0-2])\.|mcr\.microsoft\.com\/playwright:(?:v1\.(?:\d|1[0-4])\.|bionic))/,
    "amd64",
  ],
  [/^(?:nixos\/nix:2\.[0-3]|ibmjava|swift:[34]\.|espressif\/idf:(?:release-)?v[34])/, "amd64"],
  // Versions that had their last build before Docker's own images were published for several architectures (2017).
  [
    /^(?:golang:1\.[0-7]|node:(?:0\.\d+|5|7)|ruby:(?:1\.\d|2\.[01])|php:5\.[345]|python:3\.[0-2]|nginx:1\.(?:\d|1[01])|redis:(?:2|3\.0)|postgres:9\.[01]|ubuntu:(?:1[0-3]\.\d\d|15\.\d\d|16\.10)|alpine:(?:2\.\d|3\.[0-5])|docker:1\.\d+|fedora:2[0-5]|mongo:(?:2|3\.[02])|amazonlinux:(?:1|201[678])|rethinkdb:2\.[0-3])(?!\d)/,
    "amd64",
  ],
  [/^(?:java|iojs|rails|django|jenkins)(?::|$)/, "amd64"],
  [/^continuumio\/anaconda3:(?:\d\.|201\d|2020|2021\.0)/, "amd64"],
  [/^oracle\/graalvm-ce(?::|$)/, "amd64"],
  [/^google\/cloud-sdk:(?:[12]\d\d|3[0-5]\d)\./, "amd64"],
  [/^amazon\/aws-glue-libs:glue_libs_[12]\./, "amd64"],
  [/^mcr\.microsoft\.com\/dotnet\/(?:core\/)?sdk:[235]\.\d[\w.-]*alpine/, "amd64"],
  [
    /^mcr\.microsoft\.com\/(?:azure-cli:2\.[0-3]?\d\.|vscode\/devcontainers\/[\w-]+:0\.1?\d{1,2}[.-])/,
    "amd64",
  ],
  [
    /^nvcr\.io\/nvidia\/(?:pytorch|tensorflow|tensorrt|cuda|caffe|mxnet|digits|tritonserver):(?:1\d|20)\./,
    "amd64",
  ],
  [/^nvidia\/(?:cudagl|digits|caffe)(?::|$)/, "amd64"],
  [/^bioconductor\/bioconductor_docker:release_3_1[0-5]/, "amd64"],
  [
    /^(?:gcr\.io\/(?:cloud-builders|google-appengine|google_appengine|bazel-public)\/|l\.gcr\.io\/google\/bazel)/,
    "amd64",
  ],
  [/^(?:ibmcom|fabric8|memsql|singlestore|exasol)\//, "amd64"],
  [/^kalilinux\/kali-linux-docker|^starefossen\/github-pages/, "amd64"],
  [/^amazoncorretto:(?:8|11)-alpine3\.1[0-4]|^adoptopenjdk\/openjdk\d+:[\w.-]*alpine/, "amd64"],
  [/^percona\/percona-(?:server|xtradb-cluster):5|^percona\/percona-server-mongodb:[34]/, "amd64"],
  [/^arangodb(?:\/arangodb)?:(?:2|3\.\d(?:\.|$))/, "amd64"],
  [/^(?:boxfuse|flyway)\/flyway:[1-7](?:\.|-|$)|^localstack\/localstack:0\.(?:\d|1[0-2])\./, "amd64"],
  // Red Hat had no arm64 in its release 7.
  [/^registry\.(?:access\.)?redhat\.(?:com|io)\/(?:ubi7|rhel7|rhscl)(?:[-:/.]|$)/, "amd64"],
  [/^(?:resin|hypriot)\/(?:rpi|raspberry)/, "arm"],
];

/** Docker Hub's long forms shortened: docker.io/library/alpine → alpine. */
function shortImage(image: string): string {
  return image
    .replace(/^(?:index\.)?docker\.io\//, "")
    .replace(/^library\//, "")
    .toLowerCase();
}

/** The one architecture that an image is known to be published for. */
export function knownSingleArch(image: string): string | undefined {
  const short = shortImage(image).replace(/@sha256:.*$/, "");
  return singleArch.find(([pattern]) => pattern.test(short))?.[1];
}

/** The architecture that an image's namespace, repository or tag names. */
export function suffixArch(image: string): string | undefined {
  const short = shortImage(image).replace(/@sha256:.*$/, "");
  const slash = short.lastIndexOf("/");
  const colon = short.indexOf(":", slash + 1);
  const name = colon < 0 ? short : short.slice(0, colon);
  const tag = colon < 0 ? "" : short.slice(colon + 1);
  for (const part of [...name.split("/"), tag]) {
    const names = archNames(part).filter(
      ({ text }) => !/^(?:64-?bit|32-?bit|x86|linux64|linux32|gnueabi\w*|arm)$/i.test(text) || part === text,
    );
    const [first] = names;
    if (first !== undefined && new Set(names.map(({ arch }) => arch)).size === 1) return first.arch;
    const device = /^(?:balenalib|resin|hypriot)\//.test(short) ? deviceArch(part) : undefined;
    if (device !== undefined) return device;
  }
  return undefined;
}

/** Balena names images after the computers that they run on. */
function deviceArch(name: string): string | undefined {
  if (/^(?:raspberrypi\d-64|jetson|rockpi|rock-|imx8|coral-dev|generic-aarch64)/.test(name)) return "arm64";
  if (
    /^(?:rpi|raspberrypi\d?|raspberry-pi\d?|beaglebone|odroid|orangepi|bananapi|artik|up-board-arm)(?:$|-)/.test(
      name,
    )
  )
    return "arm";
  return /^(?:intel-nuc|generic-amd64|up-board|surface-)/.test(name) ? "amd64" : undefined;
}
