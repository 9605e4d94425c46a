/** What apt and dpkg say of packages. Facts of their catalogues (Debian 12): the English message, below it its translations. */
export const packageMessages = String.raw`
Unable to locate package %s
  Paket %s kann nicht gefunden werden.
  Impossible de trouver le paquet %s
  No se ha podido localizar el paquete %s
  Impossibile trovare il pacchetto %s
  Impossível encontrar o pacote %s
  Kan pakket %s niet vinden
  Nie udało się odnaleźć pakietu %s
  Невозможно найти пакет %s
  パッケージ %s が見つかりません
  无法定位软件包 %s
Package '%s' has no installation candidate
  Für Paket '%s' existiert kein Installationskandidat.
  Le paquet '%s' n'a pas de version susceptible d'être installée
  El paquete '%s' no tiene un candidato para la instalación
  Il pacchetto '%s' non ha candidati da installare
  Pakket '%s' heeft geen kandidaat voor installatie
  Pakiet %s nie ma kandydata do instalacji
  Для пакета '%s' не найден кандидат на установку
  パッケージ '%s' にはインストール候補がありません
  软件包 %s 没有可安装候选
The following packages have unmet dependencies:
  Die folgenden Pakete haben unerfüllte Abhängigkeiten:
  Les paquets suivants contiennent des dépendances non satisfaites :
  Los siguientes paquetes tienen dependencias incumplidas:
  I seguenti pacchetti hanno dipendenze non soddisfatte:
  Os pacotes a seguir têm dependências desencontradas:
  De volgende pakketten hebben niet-voldane vereisten:
  Następujące pakiety mają niespełnione zależności:
  Следующие пакеты имеют неудовлетворённые зависимости:
  以下のパッケージには満たせない依存関係があります:
  下列软件包有未满足的依赖关系：
but it is not installable
  ist aber nicht installierbar
  mais il n'est pas installable
  pero no es instalable
  ma non è installabile
  mas não é instalável
  maar het is niet installeerbaar
  ale nie da się go zainstalować
  но он не может быть установлен
  しかし、インストールすることができません
  但无法安装它
but it is not going to be installed
  soll aber nicht installiert werden
  mais ne sera pas installé
  pero no va a instalarse
  ma non sta per essere installato
  mas não será instalado
  maar het zal niet geïnstalleerd worden
  ale nie zostanie zainstalowany
  но он не будет установлен
  しかし、インストールされようとしていません
  但是它将不会被安装
Failed to fetch %s
  Fehlschlag beim Holen von %s
  Impossible de récupérer %s
  Fallo al obtener %s
  Impossibile recuperare %s
  Falhou ao buscar %s
  Ophalen van %s is mislukt
  Nie udało się pobrać %s
  Не удалось получить %s
  %s の取得に失敗しました
  无法下载 %s
You don't have enough free space in %s
  Sie haben nicht genug Platz in %s.
  Pas assez d'espace disponible sur %s
  No tiene suficiente espacio libre en %s.
  Spazio libero in %s insufficiente.
  Você não possui espaço suficiente em %s.
  U heeft onvoldoende vrije schijfruimte op %s.
  Niestety w %s nie ma wystarczającej ilości wolnego miejsca.
  Недостаточно свободного места в %s.
  %s に充分な空きスペースがありません。
  您在 %s 上没有足够的可用空间。
Unable to correct problems, you have held broken packages.
  Probleme können nicht korrigiert werden, Sie haben zurückgehaltene defekte Pakete.
  Impossible de corriger les problèmes, des paquets défectueux sont en mode 'garder en l'état'.
  No se pudieron corregir los problemas, usted ha retenido paquetes rotos.
  Impossibile correggere i problemi, ci sono pacchetti danneggiati bloccati.
  Impossível corrigir problemas, você manteve (hold) pacotes quebrados.
  Kan problemen niet verhelpen, u houdt defecte pakketten vast.
  Nie udało się naprawić problemów, zatrzymano uszkodzone pakiety.
  Невозможно исправить ошибки: у вас зафиксированы сломанные пакеты.
  問題を解決することができません。壊れた変更禁止パッケージがあります。
  无法修正错误，因为您要求某些软件包保持现状，就是它们破坏了软件包间的依赖关系。
Hash Sum mismatch
  Hash-Summe stimmt nicht überein
  Somme de contrôle de hachage incohérente
  La suma hash difiere
  Somma hash non corrispondente
  Hash Sum incorreto
  Hash-som komt niet overeen
  Błędna suma kontrolna
  Хеш-сумма не совпадает
  ハッシュサムが適合しません
  Hash 校验和不符
The repository '%s' no longer has a Release file.
  Das Depot '%s' enthält keine Release-Datei mehr.
  Le dépôt %s ne contient plus de fichier Release.
  Il repository '%s' non ha più un file Release.
  De pakketbron '%s' heeft niet langer een Release-bestand.
  Репозиторий '%s' больше не содержит файла Release.
  リポジトリ %s には Release ファイルがなくなっています。
  仓库 '%s' 不再含有 Release 文件。
The repository '%s' does not have a Release file.
  Das Depot '%s' enthält keine Release-Datei.
  Le dépôt %s n'a pas de fichier Release.
  El repositorio '%s' no tiene un fichero de Publicación.
  Il repository '%s' non ha un file Release.
  De pakketbron '%s' heeft geen Release-bestand.
  Репозиторий '%s' не содержит файла Release.
  リポジトリ %s には Release ファイルがありません。
  仓库 '%s' 没有 Release 文件。
Some index files failed to download. They have been ignored, or old ones used instead.
  Einige Indexdateien konnten nicht heruntergeladen werden. Sie wurden ignoriert oder alte an ihrer Stelle benutzt.
  Le téléchargement de quelques fichiers d'index a échoué, ils ont été ignorés, ou les anciens ont été utilisés à la place.
  No se han podido descargar algunos archivos de índice, se han omitido, o se han utilizado unos antiguos en su lugar.
  Impossibile scaricare alcuni file di indice: saranno ignorati o verranno usati quelli vecchi.
  Ophalen van sommige indexbestanden is mislukt. Deze zijn of genegeerd, of er zijn oudere versies van gebruikt.
  Nie udało się pobrać niektórych plików indeksu, zostały one zignorowane lub użyto ich starszej wersji.
  Некоторые индексные файлы скачать не удалось. Они были проигнорированы, или вместо них были использованы старые версии.
  いくつかのインデックスファイルのダウンロードに失敗しました。これらは無視されるか、古いものが代わりに使われます。
  部分索引文件下载失败。如果忽略它们，那将转而使用旧的索引文件。
Skipping acquire of configured file '%s' as repository '%s' doesn't support architecture '%s'
  Das Laden der konfigurierten Datei '%s' wird übersprungen, da das Depot '%s' die Architektur '%s' nicht unterstützt.
  Le fichier configuré '%s' ne sera pas pris en compte car le dépôt '%s' ne prend pas en charge l'architecture '%s'
  Omitiendo el uso del fichero configurado '%s' ya que el repositorio '%s' no admite la arquitectura '%s'
  Acquisizione del file '%s' saltata in quanto il repository '%s' non supporta l'architettura '%s'
  Opvragen van het in de configuratie vermeld bestand '%s' overgeslagen, vermits pakketbron '%s' de architectuur '%s' niet ondersteunt
  Пропускается получение настроенного файла '%s', так как репозиторий '%s' не поддерживает архитектуру '%s'
  リポジトリ '%2$s' がアーキテクチャ '%3$s' をサポートしないため設定ファイル '%1$s' の取得をスキップ
  鉴于仓库 '%2$s' 不支持 '%3$s' 体系结构，跳过配置文件 '%1$s' 的获取。
Sub-process %s received a segmentation fault.
  Unterprozess %s hat einen Speicherzugriffsfehler empfangen.
  Le sous-processus %s a commis une violation d'accès mémoire
  El subproceso %s recibió un fallo de segmentación.
  Il sottoprocesso %s ha ricevuto un segmentation fault.
  Sub-processo %s recebeu uma falha de segmentação.
  Subproces %s ontving een segmentatiefout.
  Podproces %s spowodował naruszenie ochrony pamięci.
  В порождённом процессе %s произошла ошибка сегментирования.
  子プロセス %s がセグメンテーション違反を受け取りました。
  子进程 %s 发生了段错误。
Sub-process %s received signal %d.
  Unterprozess %s hat das Signal %d empfangen.
  Le sous-processus %s a reçu le signal %d
  El subproceso %s recibió la señal %d.
  Il sottoprocesso %s ha ricevuto il segnale %d.
  Subproces %s ontving signaal %d.
  Podproces %s otrzymał sygnał %d.
  Порождённый процесс %s получил сигнал %d.
  子プロセス %s がシグナル %d を受け取りました。
  子进程 %s 收到信号 %d。
Sub-process %s returned an error code (%d)
  Unterprozess %s hat Fehlercode zurückgegeben (%d)
  Le sous-processus %s a renvoyé un code d'erreur (%d)
  El subproceso %s devolvió un código de error (%d)
  Il sottoprocesso %s ha restituito un codice d'errore (%d)
  Sub-processo %s retornou um código de erro (%d)
  Subproces %s gaf een foutcode terug (%d)
  Podproces %s zwrócił kod błędu (%d)
  Порождённый процесс %s вернул код ошибки (%d)
  子プロセス %s がエラーコード (%d) を返しました
  子进程 %s 返回了一个错误号 (%d)
package architecture (%s) does not match system (%s)
  Paket-Architektur (%s) passt nicht zum System (%s)
  l'architecture du paquet (%s) ne correspond pas à celle du système (%s)
  la arquitectura del paquete (%s) no corresponde con la del sistema (%s)
  l'architettura del pacchetto (%s) non corrisponde a quella del sistema (%s)
  arquitetura do pacote (%s) não combina com a do sistema (%s)
  pakketarchitectuur (%s) komt niet overeen met het systeem (%s)
  architektura pakietu (%s) nie zgadza się z architekturą systemu (%s)
  архитектура пакета (%s) не соответствует архитектуре системы (%s)
  パッケージアーキテクチャ (%s) がシステム (%s) と一致しません
  软件包体系结构(%s)与本机系统体系结构(%s)不符
error processing archive %s (--%s):
  Fehler beim Bearbeiten des Archivs %s (--%s):
  erreur de traitement de l'archive %s (--%s) :
  error al procesar el archivo %s (--%s):
  errore nell'elaborare l'archivio %s (--%s):
  fout bij verwerken van archief %s (--%s):
  błąd przetwarzania archiwum %s (--%s):
  ошибка при обработке архива %s (--%s):
  アーカイブ %s の処理中にエラーが発生しました (--%s):
  处理归档 %s (--%s)时出错：
error processing package %s (--%s):
  Fehler beim Bearbeiten des Paketes %s (--%s):
  erreur de traitement du paquet %s (--%s) :
  error al procesar el paquete %s (--%s):
  errore nell'elaborare il pacchetto %s (--%s):
  fout bij verwerken van pakket %s (--%s):
  błąd przetwarzania pakietu %s (--%s):
  ошибка при обработке пакета %s (--%s):
  パッケージ %s の処理中にエラーが発生しました (--%s):
  处理软件包 %s (--%s)时出错：
%s subprocess returned error exit status %d
  '%s'-Unterprozess gab den Fehlerwert %d zurück
  le sous-processus %s a renvoyé un état de sortie d'erreur %d
  el subproceso %s devolvió el código de salida de error %d
  il sottoprocesso %s ha restituito lo stato di errore %d
  subproces %s gaf de foutwaarde %d terug
  podproces %s zwrócił kod błędu %d
  подпроцесс %s возвратил код ошибки %d
  %s 子进程返回错误状态 %d
%s subprocess was killed by signal (%s)%s
  '%s'-Unterprozess wurde durch Signal (%s)%s getötet
  le sous-processus %s a été tué par le signal (%s)%s
  el subproceso %s fue terminado por la señal (%s)%s
  il sottoprocesso %s è stato terminato dal segnale (%s)%s
  subproces %s werd gedood door signaal (%s)%s
  podproces %s został zabity sygnałem (%s)%s
  подпроцесс %s уничтожен по сигналу (%s)%s
  %s 子进程被信号(%s)%s 终止了
`;
