/** What glibc, apt and git say of names and connections. Facts of their catalogues (Debian 12): the English message, below it its translations. */
export const networkMessages = String.raw`
Connection refused
  Verbindungsaufbau abgelehnt
  Connexion refusée
  Conexión rehusada
  Connessione rifiutata
  Conexão recusada
  Verbinding is geweigerd
  Połączenie odrzucone
  В соединении отказано
  接続を拒否されました
  拒绝连接
Connection reset by peer
  Die Verbindung wurde vom Kommunikationspartner zurückgesetzt
  Connexion ré-initialisée par le correspondant
  Conexión reinicializada por la máquina remota
  Connessione interrotta dal corrispondente
  Conexão fechada pela outra ponta
  Verbinding is weggevallen
  Połączenie zerwane przez drugą stronę
  Соединение разорвано другой стороной
  接続が相手からリセットされました
  连接被对方重设
Connection timed out
  Die Wartezeit für die Verbindung ist abgelaufen
  Connexion terminée par expiration du délai d'attente
  Expiró el tiempo de conexión
  Connessione scaduta
  Tempo esgotado para conexão
  Verbinding is verlopen
  Przekroczony czas oczekiwania na połączenie
  Время ожидания соединения истекло
  接続がタイムアウトしました
  连接超时
  Zeitüberschreitung bei Verbindung
  Délai de connexion dépassé
  Caducó la conexión
  Connessione terminata
  Conexão expirou
  Verbinding verliep
  Przekroczenie czasu połączenia
  Время ожидания для соединения истекло
  接続タイムアウト
Network is unreachable
  Das Netzwerk ist nicht erreichbar
  Le réseau n'est pas accessible
  La red es inaccesible
  La rete non è raggiungibile
  A rede está fora de alcance
  Netwerk is onbereikbaar
  Sieć jest niedostępna
  Сеть недоступна
  ネットワークに届きません
  网络不可达
No route to host
  Keine Route zum Zielrechner
  Aucun chemin d'accès pour atteindre l'hôte cible
  No existe ninguna ruta hasta el 'host'
  Nessun instradamento per l'host
  Não há rota para o host
  Geen route naar host
  Brak trasy do hosta
  Нет маршрута до узла
  ホストへの経路がありません
  没有到主机的路由
Name or service not known
  Der Name oder der Dienst ist nicht bekannt
  Nom ou service inconnu
  Nombre o servicio desconocido
  Nome o servizio sconosciuto
  Nome ou serviço desconhecido
  Naam of dienst is niet bekend
  Ta nazwa lub usługa jest nieznana
  Неизвестное имя или служба
  名前またはサービスが不明です
  未知的名称或服务
Temporary failure in name resolution
  Temporärer Fehler bei der Namensauflösung
  Échec temporaire dans la résolution du nom
  Fallo temporal en la resolución del nombre
  Errore temporaneo nella risoluzione del nome
  Falha temporário na resolução de nome
  Tijdelijk probleem in naamsherleiding
  Odwzorowanie nazwy jest chwilowo niemożliwe
  Временный сбой в разрешении имен
  名前解決に一時的に失敗しました
  域名解析暂时失败
Temporary failure resolving '%s'
  Temporärer Fehlschlag beim Auflösen von '%s'
  Erreur temporaire de résolution de '%s'
  Fallo temporal al resolver '%s'
  Risoluzione di '%s' temporaneamente non riuscita
  Falha temporária resolvendo '%s'
  Tijdelijke fout bij het opzoeken van '%s'
  Tymczasowy błąd przy tłumaczeniu '%s'
  Временная ошибка при разрешении '%s'
  '%s' が一時的に解決できません
  暂时不能解析域名'%s'
Could not resolve '%s'
  '%s' konnte nicht aufgelöst werden.
  Ne parvient pas à résoudre '%s'
  No se pudo resolver '%s'
  Impossibile risolvere '%s'
  Não foi possível resolver '%s'
  Kon '%s' niet vinden
  Nie udało się przetłumaczyć nazwy '%s'
  Не удалось разрешить '%s'
  '%s' を解決できませんでした
  无法解析域名'%s'
Connection failed
  Verbindung fehlgeschlagen
  Échec de la connexion
  Falló la conexión
  Connessione non riuscita
  Conexão falhou
  Verbinding mislukt
  Połączenie nie powiodło się
  Соединение разорвано
  接続失敗
  连接失败
Could not connect to %s:%s (%s).
  Verbindung mit %s:%s nicht möglich (%s)
  Connexion à %s: %s (%s) impossible.
  No se pudo conectar a %s:%s (%s).
  Impossibile connettersi a %s:%s (%s).
  Não foi possível conectar em %s:%s (%s).
  Kon geen verbinding maken met %s:%s (%s).
  Nie udało się połączyć z %s:%s (%s).
  Не удалось соединиться с %s:%s (%s).
  %s:%s (%s) へ接続できませんでした。
  无法连接上 %s:%s (%s)。
the remote end hung up unexpectedly
  Die Gegenseite hat unerwartet abgebrochen.
  l'hôte distant a fermé la connexion de manière inattendue
  el remoto se colgó de manera inesperada
  l'interlocutore remoto ha chiuso inaspettatamente la connessione
  zdalna maszyna nieoczekiwanie się rozłączyła
  远端意外挂断了
early EOF
  zu frühes Dateiende
  fin de fichier prématurée
  EOF temprano
  EOF prematuro
  przedwczesny koniec pliku
  неожиданный конец файла
  过早的文件结束符（EOF）
unable to access '%s':
  konnte nicht auf '%s' zugreifen:
  impossible d'accéder à '%s' :
  no es posible acceder a '%s':
  impossibile accedere a '%s':
  brak dostępu do '%s':
  '%s' недоступно:
  无法访问 '%s'：
Remote branch %s not found in upstream %s
  Remote-Branch %s nicht im Upstream-Repository %s gefunden
  La branche distante %s n'a pas été trouvée dans le dépôt amont %s
  Rama remota %s no encontrada en upstream %s
  Il branch remoto %s non è stato trovato nell'upstream %s
  Nie znaleziono zdalnej gałęzi %s w repozytorium %s
  Внешняя ветка %s не найдена в вышестоящем репозитории %s
  远程分支 %s 在上游 %s 未发现
pathspec '%s' did not match any file(s) known to git
  Pfadspezifikation '%s' stimmt mit keinen Git bekannten Dateien überein
  le spécificateur de chemin '%s' ne correspond à aucun fichier connu de git
  ruta especificada '%s' no concordó con ningún archivo conocido por git
  lo specificatore percorso '%s' non corrisponde ad alcun file noto a git
  ścieżka '%s' nie pasuje do żadnych plików znanych gitowi
  路径规格 '%s' 未匹配任何 git 已知文件
`;
