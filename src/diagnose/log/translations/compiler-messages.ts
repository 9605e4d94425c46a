/** What bash, make, gcc, ld and coreutils say. Facts of their catalogues (Debian 12): the English message, below it its translations. */
export const compilerMessages = String.raw`
command not found
  Kommando nicht gefunden.
  commande introuvable
  orden no encontrada
  comando non trovato
  comando não encontrado
  opdracht niet gevonden
  nie znaleziono polecenia
  команда не найдена
  コマンドが見つかりません
  未找到命令
cannot execute binary file
  Kann die Binärdatei nicht ausführen
  impossible d'exécuter le fichier binaire
  no se puede ejecutar fichero binario
  Kann die Datei nicht ausführen.
  ne peut exécuter le fichier binaire
  no se puede ejecutar el fichero binario
  impossibile eseguire il file binario
  impossível executar o arquivo binário
  kan binair bestand niet uitvoeren
  nie można uruchomić pliku binarnego
  не удаётся запустить бинарный файл
  バイナリファイルを実行できません
  无法执行二进制文件
bad interpreter
  Defekter Interpreter
  mauvais interpréteur
  intérprete erróneo
  interprete errato
  interpretador incorreto
  ongeldige interpreter
  zły interpreter
  неверный интерпретатор
  誤ったインタプリタです
  错误的解释器
line %d:
  Zeile %d:
  ligne %d :
  línea %d:
  riga %d:
  linha %d:
  regel %d:
  linia %d:
  строка %d:
(core dumped)
  (Speicherabzug geschrieben)
  ('core' generado)
  (core dump creato)
  (imagem do núcleo gravada)
  (geheugendump gemaakt)
  (zrzut pamięci)
  (образ памяти сброшен на диск)
  (コアダンプ)
  （核心已转储）
Killed
  Abgebrochen (Killed)
  Tué
  Matado
  Ucciso
  Morto (Killed)
  Geëlimineerd
  Unicestwiony
  Убит
  已杀死
Segmentation fault
  Adressierungsfehler
  Erreur de segmentation
  Violación de segmento
  Errore di segmentazione
  Falha de segmentação
  Segmentatiefout
  Naruszenie ochrony pamięci
  Ошибка сегментации
  セグメンテーションフォルト
  段错误
Illegal instruction
  Ungültige Anweisung.
  Instruction incorrecte
  Instrucción ilegal
  Istruzione non consentita
  Instrução ilegal
  Ongeldige instructie
  Niedozwolona instrukcja
  Недопустимая инструкция
  不正な指定
  非法指令
] Error %d
  ] Fehler %d
  ] Erreur %d
  ] Errore %d
  ] Erro %d
  ] Fout %d
  ] Błąd %d
  ] Ошибка %d
  ] エラー %d
  ] 错误 %d
fatal error:
  schwerwiegender Fehler:
  erreur fatale:
  error fatal:
  fatale fout:
  фатальная ошибка:
  致命的エラー:
  致命错误：
error:
  Fehler:
  erreur:
  fout:
  ошибка:
  エラー:
  错误：
internal compiler error:
  interner Compiler-Fehler:
  erreur interne du compilateur:
  error interno del compilador:
  interne compilerfout:
  внутренняя ошибка компилятора:
  コンパイラ内部エラー:
  编译器内部错误：
unrecognized command-line option '%s'
  nicht erkannte Kommandozeilenoption '%s'
  option '%s' non reconnue sur la ligne de commande
bad value '%s' for '-march=' switch
  falscher Wert '%s' für Schalter '-march='
  valeur '%s' erronée pour l'option '-march='
unknown value '%s' for '-march'
  unbekannter Wert '%s' für '-march'
  valeur '%s' inconnue pour '-march'
implicit declaration of function '%s'
  Implizite Deklaration der Funktion '%s'
  déclaration implicite de la fonction '%s'
  declaración implícita de la función '%s'
  impliciete declaratie van functie '%s'
  неявная декларация функции '%s'
  関数 '%s' の暗黙的な宣言です
  隐式声明函数'%s'
unknown register name '%s' in 'asm'
  unbekannter Registername '%s' in 'asm'
  nom de registre '%s' inconnu dans 'asm'
  nombre de registro '%s' desconocido en 'asm'
  неизвестное имя регистра '%s' в операторе 'asm'
  不明なレジスタ名 '%s' が 'asm' 内にあります
  'asm'中出现未知的寄存器名'%s'
impossible constraint in 'asm'
  unmögliche Bedingung in 'asm'
  contrainte impossible dans 'asm'
  restricción imposible en 'asm'
  некорректное ограничение в 'asm'
  'asm' 内で制約を行うことは出来ません
  'asm'中不可能的约束
comparison is always false due to limited range of data type
  Vergleich ist durch beschränkten Wertebereich des Datentyps stets 'unwahr'
  la comparaison est toujours fausse en raison de la gamme limitée du type de données
  la comparación siempre es falsa debido al rango limitado del tipo de datos
  vergelijking is altijd onwaar vanwege beperkte bereik van datatype
  из-за ограниченности диапазона типа данных, результат сравнения всегда ложь
  データ型の範囲制限によって、比較が常に false となります
  由于数据类型范围限制，比较结果永远为假
cannot find %s
  ne peut pas trouver %s
  no se puede encontrar %s
  impossibile trovare %s
  não foi possível localizar %s
  невозможно найти %s
  %s が見つかりません
  找不到 %s
skipping incompatible %s when searching for %s
  %s ignoré car incompatible lors de la recherche de %s
  se salta el %s incompatible mientras se busca %s
  saltato %s incompatibile durante la ricerca di %s
  pulando %s incompatível ao pesquisar para %s
  пропускается несовместимый %s при поиске %s
  互換性のないを %s スキップしました (%s を探索している時)
  当搜索用于 %s 时跳过不兼容的 %s
undefined reference to '%s'
  référence indéfinie vers '%s'
  referencia a '%s' sin definir
  referência não definida para '%s'
  неопределённая ссылка на '%s'
file in wrong format
  fichier dans un mauvais format
  файл в неправильном формате
cannot stat %s
  der Aufruf von stat für %s ist nicht möglich
  impossible d'évaluer %s
  no se puede efectuar 'stat' sobre %s
  impossibile eseguire stat di %s
  não foi possível obter estado de %s
  kan status van %s niet opvragen
  nie można wykonać stat na %s
  не удалось выполнить stat для %s
  %s を stat できません
  对 %s 调用 stat 失败
failed to run command %s
  der Befehl %s konnte nicht ausgeführt werden
  impossible d'exécuter la commande %s
  fallo al ejecutar la orden %s
  impossibile eseguire il comando %s
  falha ao executar o comando %s
  kan commando %s niet uitvoeren
  nie udało się uruchomić polecenia %s
  не удалось выполнить команду %s
  コマンド %s の実行に失敗しました
  无法运行命令 %s
`;
